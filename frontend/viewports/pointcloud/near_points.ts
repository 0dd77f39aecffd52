/** What one close-up shows of the points: three close-ups of all of them would be three times the work of the main view. */
import { BufferAttribute, BufferGeometry, Points, type Material, type Object3D } from "three";
import type { Cuboid } from "../../geometry/cuboid";
import { dataInside, holds } from "./crop";
import type { PointFrame } from "./frame";

/** Cut out a little larger than asked for: small movements are then free. */
const SPARE = 1.2;
/** Cut out anew when it is so much larger than needed, since the labeler zoomed in. */
const TOO_LARGE = 1.8;

export class NearPoints {
  readonly object: Points;
  private cut: { frame: PointFrame; box: Cuboid } | null = null;
  private count = 0;

  constructor(material: Material, layer: number) {
    this.object = new Points(new BufferGeometry(), material);
    this.object.layers.set(layer);
    this.object.frustumCulled = false;
  }

  /** The points of `box` at least; cut out anew only where the former cut does not serve. */
  cover(frame: PointFrame | null, box: Cuboid): void {
    if (frame && this.cut?.frame === frame && holds(this.cut.box, box) && volume(this.cut.box) < volume(box) * (SPARE * TOO_LARGE) ** 3) return;
    const larger: Cuboid = { ...box, dimensions: box.dimensions.map((size) => size * SPARE) as Cuboid["dimensions"] };
    const data = frame ? dataInside(frame, larger) : new Uint16Array();
    this.cut = frame && { frame, box: larger };
    this.count = data.length / 4;
    this.object.geometry.dispose();
    this.object.geometry = new BufferGeometry().setAttribute("position", new BufferAttribute(data, 4));
    this.object.visible = this.count > 0;
  }

  /** Draws the first `most` of them, a fair sample; returns how many there are. */
  limit(most: number): { points: number; of: number } {
    const points = Math.min(most, this.count);
    this.object.geometry.setDrawRange(0, points);
    return { points, of: this.count };
  }

  dispose(parent: Object3D): void {
    parent.remove(this.object);
    this.object.geometry.dispose();
  }
}

function volume({ dimensions }: Cuboid): number {
  return dimensions[0] * dimensions[1] * dimensions[2];
}
