/** A view's place on the page, and a line of words when there is no picture; the canvas behind it is the renderer's. */
import type { Scope } from "../../workbench/scope";
import "../../styles/pointcloud.css";
import type { Pane, Picture, Renderer } from "./renderer";

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
  /** In CSS pixels. */
  size: Size = { width: 1, height: 1 };
  private readonly message = document.createElement("p");

  constructor(
    readonly host: HTMLElement,
    private readonly renderer: Renderer,
    private readonly makePicture: (size: Size, pointsMost: number) => Picture | null,
    private readonly resized: () => void,
    scope: Scope,
  ) {
    host.classList.add("pc-view");
    this.message.className = "pc-message";
    this.message.hidden = true;
    this.message.setAttribute("role", "status");
    host.append(this.message);
    const observer = new ResizeObserver(() => this.fit());
    observer.observe(host);
    const detach = renderer.attach(this);
    scope.add(() => {
      observer.disconnect();
      detach();
      this.message.remove();
    });
    this.fit();
  }

  get place(): Pane["place"] {
    const { offsetLeft, offsetTop } = this.host;
    return this.host.classList.contains("pc-surface") ? { left: 0, top: 0, ...this.size } : { left: offsetLeft, top: offsetTop, ...this.size };
  }

  picture(pointsMost: number): Picture | null {
    return this.makePicture(this.size, pointsMost);
  }

  say(message: string | null): void {
    this.message.hidden = !message;
    this.message.textContent = message;
  }

  /** Draws with the screen's next frame. */
  request(moving = false): void {
    this.renderer.request(moving);
  }

  /** A pointer's place in CSS pixels from the left top corner. */
  locate(event: Pointer): { x: number; y: number } {
    const frame = this.host.getBoundingClientRect();
    return { x: event.clientX - frame.left, y: event.clientY - frame.top };
  }

  private fit(): void {
    const { clientWidth: width, clientHeight: height } = this.host;
    this.size = { width: width || 1, height: height || 1 };
    this.resized();
    this.renderer.resized();
  }
}
