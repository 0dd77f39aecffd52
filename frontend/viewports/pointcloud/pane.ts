/** A view's place on the page: its canvas at the screen's resolution, and a line of words when there is no picture. */
import type { Camera } from "three";
import type { Scope } from "../../workbench/scope";
import "../../styles/pointcloud.css";
import { pixelRatio, type Pane } from "./renderer";
import type { PointScene } from "./scene";

/** A mouse or pointer event, or a place as it gives it. */
export interface Pointer {
  clientX: number;
  clientY: number;
}

export interface Size {
  width: number;
  height: number;
}

export class ViewPane implements Pane {
  readonly canvas = document.createElement("canvas");
  /** In CSS pixels. */
  size: Size = { width: 1, height: 1 };
  private readonly message = document.createElement("p");

  constructor(
    readonly host: HTMLElement,
    private readonly scene: PointScene,
    private readonly makeCamera: (size: Size) => Camera,
    private readonly resized: () => void,
    scope: Scope,
  ) {
    host.classList.add("pc-view");
    this.canvas.className = "pc-canvas";
    this.message.className = "pc-message";
    this.message.hidden = true;
    this.message.setAttribute("role", "status");
    host.append(this.canvas, this.message);
    const observer = new ResizeObserver(() => this.fit());
    observer.observe(host);
    const detach = scene.renderer.attach(this);
    scope.add(() => {
      observer.disconnect();
      detach();
      this.canvas.remove();
      this.message.remove();
    });
    this.fit();
  }

  camera(): Camera {
    return this.makeCamera(this.size);
  }

  say(message: string | null): void {
    this.message.hidden = !message;
    this.message.textContent = message;
  }

  /** Draws with the screen's next frame. */
  request(): void {
    this.scene.renderer.request(this);
  }

  /** A pointer's place in CSS pixels from the left top corner. */
  locate(event: Pointer): { x: number; y: number } {
    const frame = this.host.getBoundingClientRect();
    return { x: event.clientX - frame.left, y: event.clientY - frame.top };
  }

  private fit(): void {
    const { clientWidth: width, clientHeight: height } = this.host;
    this.size = { width: width || 1, height: height || 1 };
    const ratio = pixelRatio();
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.resized();
    this.request();
  }
}
