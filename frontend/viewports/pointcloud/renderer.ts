/** One WebGL canvas behind one or more views: draws when something changed, and less while it moves so that it follows the hand. */
import { LinearSRGBColorSpace, WebGLRenderer, type Camera } from "three";
import type { Scope } from "../../workbench/scope";
import "../../styles/pointcloud.css";
import { Budget } from "./budget";
import type { Beaten } from "./pace";
import type { PointScene, SceneChange } from "./scene";

/** What is drawn of a view: at most the points it was allowed, of those that there are. */
export interface Picture {
  camera: Camera;
  points: number;
  of: number;
}

/** A view that is drawn into the canvas. */
export interface Pane {
  /** Where it is on the canvas, in CSS pixels from its left top corner. */
  readonly place: { left: number; top: number; width: number; height: number };
  /** Set up for the pane's present size; null where there is nothing to see. */
  picture(pointsMost: number): Picture | null;
  /** Says why there is no picture; null when there is one again. */
  say(message: string | null): void;
}

const NO_WEBGL =
  "This browser draws no 3D: WebGL 2 is off or missing. Switch on hardware acceleration in its settings, or use another browser.";
const LOST = "The connection to the graphics card was lost. The picture comes back by itself; your work is kept.";
const RATIO_MAX = 2;
/** After so long without a change it is still, and all points are drawn. */
const REST_MS = 120;
/** To begin with; it is known better after some frames. */
const START_SOFTWARE = 50_000;
const START_CARD = 5_000_000;
/** Fewer points are drawn larger, by this at most: the picture stays as dense. */
const GROWN_MOST = 1.5;

export function pixelRatio(): number {
  return drawsInSoftware() ? 1 : Math.min(RATIO_MAX, window.devicePixelRatio || 1);
}

let inSoftware: boolean | null = null;

/** Without a graphics card smooth edges, and four pixels for one, would cost more than all the rest. */
export function drawsInSoftware(): boolean {
  if (inSoftware !== null) return inSoftware;
  const gl = document.createElement("canvas").getContext("webgl2");
  const info = gl?.getExtension("WEBGL_debug_renderer_info");
  const name = gl && info ? String(gl.getParameter(info.UNMASKED_RENDERER_WEBGL)) : "";
  gl?.getExtension("WEBGL_lose_context")?.loseContext();
  inSoftware = /swiftshader|llvmpipe|software|basic render/i.test(name);
  return inSoftware;
}

/** A drawing that the graphics card has not finished yet. */
interface UnderWay {
  fence: WebGLSync;
  since: number;
  points: number;
  of: number;
}

export class Renderer implements Beaten {
  private gl: WebGLRenderer | null = null;
  private canvas: HTMLCanvasElement | null = null;
  private broken = false;
  private lost = false;
  private readonly panes = new Set<Pane>();
  private readonly budget = new Budget(drawsInSoftware() ? START_SOFTWARE : START_CARD);
  private due = false;
  private movedAt = -Infinity;
  private resting = 0;
  private underWay: UnderWay | null = null;

  constructor(
    private readonly host: HTMLElement,
    private readonly scene: PointScene,
    scope: Scope,
    /** Which of the scene's changes are seen here. */
    sees: (change: SceneChange) => boolean = () => true,
  ) {
    host.classList.add("pc-surface");
    scope.add(scene.onChange((change) => { if (sees(change)) this.request(change.moving); }));
    const leave = scene.pace.add(this);
    scope.add(() => {
      leave();
      this.dispose();
    });
  }

  attach(pane: Pane): () => void {
    this.panes.add(pane);
    this.request();
    return () => this.panes.delete(pane);
  }

  /** Draws with the screen's next frame; any number of requests until then are one drawing. `moving`: more will follow soon. */
  request(moving = false): void {
    if (moving) this.movedAt = performance.now();
    this.due = true;
    this.scene.pace.wake();
  }

  /** A canvas that changes its size is empty: it is drawn at once, so that nothing flickers. */
  resized(): void {
    if (this.gl) this.drawAll(performance.now());
    else this.request();
  }

  drawDue(now: number): void {
    if (this.due) this.drawAll(now);
  }

  isFinished(now: number): boolean {
    const { underWay } = this;
    const gl = this.gl?.getContext() as WebGL2RenderingContext | undefined;
    if (!underWay || !gl) return true;
    if (!this.lost && gl.getSyncParameter(underWay.fence, gl.SYNC_STATUS) !== gl.SIGNALED) return false;
    gl.deleteSync(underWay.fence);
    this.underWay = null;
    if (!this.lost) this.budget.took(now - underWay.since, underWay.points, underWay.points >= underWay.of);
    return true;
  }

  private drawAll(now: number): void {
    this.due = false;
    clearTimeout(this.resting);
    const panes = [...this.panes].filter(({ place }) => place.width > 1 && place.height > 1);
    if (!panes.length || this.lost) return;
    const gl = this.start();
    if (!gl) return this.tell(NO_WEBGL);
    this.fit(gl);
    const moving = now - this.movedAt < REST_MS;
    const most = moving ? Math.ceil(this.budget.points / panes.length) : Infinity;
    const sum = { points: 0, of: 0 };
    for (const pane of panes) this.draw(gl, pane, most, sum);
    this.mark(gl, now, sum);
    if (sum.points < sum.of) this.resting = window.setTimeout(() => this.request(), REST_MS);
  }

  private draw(gl: WebGLRenderer, pane: Pane, most: number, sum: { points: number; of: number }): void {
    const { left, top, width, height } = scaled(pane.place);
    const bottom = gl.domElement.height - top - height;
    gl.setViewport(left, bottom, width, height);
    gl.setScissor(left, bottom, width, height);
    const picture = pane.picture(most);
    if (!picture) return gl.clear();
    const { points, of } = picture;
    const { uniforms } = this.scene.material;
    uniforms.size!.value = this.scene.pointSize * pixelRatio() * Math.min(GROWN_MOST, Math.sqrt(of / Math.max(1, points)));
    uniforms.viewHeight!.value = height;
    gl.render(this.scene.root, picture.camera);
    sum.points += points;
    sum.of += of;
  }

  private mark(renderer: WebGLRenderer, now: number, sum: { points: number; of: number }): void {
    const gl = renderer.getContext() as WebGL2RenderingContext;
    if (this.underWay) gl.deleteSync(this.underWay.fence);
    const fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    this.underWay = fence && { fence, since: now, ...sum };
    gl.flush();
    this.scene.pace.wake();
  }

  private fit(gl: WebGLRenderer): void {
    const { width, height } = scaled({ left: 0, top: 0, width: this.host.clientWidth, height: this.host.clientHeight });
    const { canvas } = this;
    if (canvas && (canvas.width !== width || canvas.height !== height)) gl.setSize(width, height, false);
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
    this.canvas = this.gl.domElement;
    this.canvas.className = "pc-canvas";
    this.host.prepend(this.canvas);
    this.watch(this.canvas);
    return this.gl;
  }

  private watch(canvas: HTMLCanvasElement): void {
    canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      this.lost = true;
      this.underWay = null;
      if (this.gl) this.tell(LOST);
    });
    canvas.addEventListener("webglcontextrestored", () => {
      this.lost = false;
      this.tell(null);
      this.request();
    });
  }

  private tell(message: string | null): void {
    for (const pane of this.panes) pane.say(message);
  }

  private dispose(): void {
    clearTimeout(this.resting);
    this.panes.clear();
    this.canvas?.remove();
    this.gl?.dispose();
    // Browsers allow some sixteen contexts a page and wait for the collector to count them.
    this.gl?.forceContextLoss();
    this.gl = null;
    this.broken = true;
  }
}

/** In the canvas's own pixels. */
function scaled(place: Pane["place"]): Pane["place"] {
  const ratio = pixelRatio();
  const [left, top] = [Math.round(place.left * ratio), Math.round(place.top * ratio)];
  return { left, top, width: Math.round((place.left + place.width) * ratio) - left, height: Math.round((place.top + place.height) * ratio) - top };
}
