/** One WebGL context for all views of a scene: draws each one in turn and copies the picture into the view's own canvas. */
import { LinearSRGBColorSpace, WebGLRenderer, type Camera } from "three";
import type { PointScene } from "./scene";

/** What a view offers to be drawn. */
export interface Pane {
  readonly canvas: HTMLCanvasElement;
  /** Set up for the pane's present size. */
  camera(): Camera;
  /** Says why there is no picture; null when there is one again. */
  say(message: string | null): void;
}

const NO_WEBGL =
  "This browser draws no 3D: WebGL 2 is off or missing. Switch on hardware acceleration in its settings, or use another browser.";
const LOST = "The connection to the graphics card was lost. The picture comes back by itself; your work is kept.";
const RATIO_MAX = 2;

export function pixelRatio(): number {
  return Math.min(RATIO_MAX, window.devicePixelRatio || 1);
}

/** Without a graphics card smooth edges would cost more than all the rest. */
function drawsInSoftware(): boolean {
  const gl = document.createElement("canvas").getContext("webgl2");
  const info = gl?.getExtension("WEBGL_debug_renderer_info");
  const name = gl && info ? String(gl.getParameter(info.UNMASKED_RENDERER_WEBGL)) : "";
  gl?.getExtension("WEBGL_lose_context")?.loseContext();
  return /swiftshader|llvmpipe|software|basic render/i.test(name);
}

export class Renderer {
  /** The diameter of a point in CSS pixels. */
  pointSize = 2;
  private gl: WebGLRenderer | null = null;
  private broken = false;
  private lost = false;
  private readonly panes = new Set<Pane>();
  private readonly due = new Set<Pane>();
  private waiting = 0;

  constructor(private readonly scene: PointScene) {}

  attach(pane: Pane): () => void {
    this.panes.add(pane);
    this.request(pane);
    return () => {
      this.panes.delete(pane);
      this.due.delete(pane);
    };
  }

  /** Draws it with the next frame of the screen; any number of requests until then are one drawing. */
  request(pane: Pane): void {
    if (!this.panes.has(pane)) return;
    this.due.add(pane);
    this.waiting ||= requestAnimationFrame(() => this.drawDue());
  }

  requestAll(): void {
    for (const pane of this.panes) this.request(pane);
  }

  dispose(): void {
    cancelAnimationFrame(this.waiting);
    this.panes.clear();
    this.due.clear();
    this.gl?.dispose();
    // Browsers allow some sixteen contexts a page and wait for the collector to count them.
    this.gl?.forceContextLoss();
    this.gl = null;
    this.broken = true;
  }

  private drawDue(): void {
    this.waiting = 0;
    const panes = [...this.due].filter((pane) => pane.canvas.width > 1 && pane.canvas.height > 1);
    this.due.clear();
    if (!panes.length || this.lost) return;
    const gl = this.start();
    if (!gl) return this.tell(NO_WEBGL);
    this.grow(gl);
    for (const pane of panes) this.draw(gl, pane);
  }

  private draw(gl: WebGLRenderer, pane: Pane): void {
    const { width, height } = pane.canvas;
    gl.setViewport(0, 0, width, height);
    gl.setScissor(0, 0, width, height);
    const { uniforms } = this.scene.material;
    uniforms.size!.value = this.pointSize * pixelRatio();
    uniforms.viewHeight!.value = height;
    gl.render(this.scene.root, pane.camera());
    const context = pane.canvas.getContext("2d");
    if (!context) return;
    context.globalCompositeOperation = "copy";
    context.drawImage(gl.domElement, 0, gl.domElement.height - height, width, height, 0, 0, width, height);
  }

  /** As large as the largest pane; it never shrinks, since each change of size is costly. */
  private grow(gl: WebGLRenderer): void {
    const { width, height } = gl.domElement;
    const wide = Math.max(width, ...[...this.panes].map((pane) => pane.canvas.width));
    const high = Math.max(height, ...[...this.panes].map((pane) => pane.canvas.height));
    if (wide > width || high > height) gl.setSize(wide, high, false);
  }

  private start(): WebGLRenderer | null {
    if (this.gl || this.broken) return this.gl;
    try {
      this.gl = new WebGLRenderer({ antialias: pixelRatio() < RATIO_MAX && !drawsInSoftware(), alpha: true, powerPreference: "high-performance" });
    } catch {
      this.broken = true;
      return null;
    }
    this.gl.setPixelRatio(1);
    this.gl.setClearColor(0, 0);
    this.gl.setScissorTest(true);
    // The colours given are the colours shown.
    this.gl.outputColorSpace = LinearSRGBColorSpace;
    this.watch(this.gl.domElement);
    return this.gl;
  }

  private watch(canvas: HTMLCanvasElement): void {
    canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      this.lost = true;
      if (this.gl) this.tell(LOST);
    });
    canvas.addEventListener("webglcontextrestored", () => {
      this.lost = false;
      this.tell(null);
      this.requestAll();
    });
  }

  private tell(message: string | null): void {
    for (const pane of this.panes) pane.say(message);
  }
}
