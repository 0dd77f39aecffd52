/** The strip of camera images under the main view: the best one for the selected object first. */
import { effect } from "@preact/signals";
import type { CameraImage } from "../../workbench/types";
import { CameraTile } from "./camera_tile";
import { bestFirst, visibility } from "./image_order";
import { Pictures } from "./pictures";
import type { LidarTool } from "./tool";

/** Frames ahead whose pictures are fetched before they are asked for. */
const AHEAD = [1, 2, -1];
/** Another camera comes first only when it is clearly better, so that nothing jumps while an object is moved. */
const BETTER = 1.5;

export class CameraStrip {
  private readonly tiles = new Map<string, CameraTile>();
  private readonly pictures: Pictures;
  private first: string | null = null;

  constructor(private readonly host: HTMLElement, private readonly tool: LidarTool) {
    const { scope } = tool.session;
    this.pictures = new Pictures(scope);
    host.classList.toggle("is-empty", !tool.frames.some((frame) => frame.images.length));
    scope.add(effect(() => this.arrange(tool.current.value.images)));
    scope.add(effect(() => { void tool.selected.value; void tool.imageZoom.value; for (const tile of this.tiles.values()) tile.reset(); }));
    scope.add(effect(() => {
      void tool.shown.value;
      void tool.hovered.value;
      void this.pictures.version.value;
      for (const tile of this.tiles.values()) tile.request();
    }));
  }

  private arrange(images: readonly CameraImage[]): void {
    const { tool } = this;
    const cuboid = tool.selectedCuboid.value;
    const close = tool.imageZoom.value;
    let order = bestFirst(images, cuboid);
    const before = images.find((image) => image.camera === this.first);
    if (cuboid && before && order[0] && visibility(order[0], cuboid) < visibility(before, cuboid) * BETTER) {
      order = [before, ...order.filter((image) => image !== before)];
    }
    this.first = cuboid ? order[0]?.camera ?? null : null;
    for (const [camera, tile] of this.tiles) tile.element.hidden = !images.some((image) => image.camera === camera);
    order.forEach((image, place) => this.put(image, place, close && place === 0));
    this.fetchAhead();
  }

  private put(image: CameraImage, place: number, close: boolean): void {
    let tile = this.tiles.get(image.camera);
    if (!tile) {
      tile = new CameraTile(this.tool, this.pictures);
      this.tiles.set(image.camera, tile);
      this.host.append(tile.element);
    }
    if (tile.close !== close) tile.reset();
    tile.image = image;
    tile.close = close;
    tile.element.style.order = String(place);
    tile.element.style.aspectRatio = `${image.width} / ${image.height}`;
    tile.request();
  }

  private fetchAhead(): void {
    const place = this.tool.placeOf(this.tool.frame.peek());
    for (const by of AHEAD) for (const image of this.tool.frames[place + by]?.images ?? []) this.pictures.get(image.url);
  }
}
