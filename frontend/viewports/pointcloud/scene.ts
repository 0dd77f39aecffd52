/** What all views of a drive show: the points of one frame, cuboids, radar, the device. Views draw when it changed, never else. */
import {
  BufferAttribute, BufferGeometry, DoubleSide, Mesh, MeshBasicMaterial, Points, PointsMaterial, Scene,
} from "three";
import { LineMaterial } from "three/examples/jsm/lines/LineMaterial.js";
import { LineSegments2 } from "three/examples/jsm/lines/LineSegments2.js";
import { LineSegmentsGeometry } from "three/examples/jsm/lines/LineSegmentsGeometry.js";
import { yawOf, type Quaternion } from "../../geometry/quaternion";
import { SELECTED_COLOR } from "../../styles/palette";
import type { Scope } from "../../workbench/scope";
import type { Vec3 } from "../../workbench/types";
import { PointMaterial, rangesOf, type ColorMode, type Ranges } from "./coloring";
import type { PointFrame } from "./frame";
import { NearPoints } from "./near_points";
import { Pace } from "./pace";
import { pixelRatio } from "./renderer";
import { cuboidFaces, cuboidLines, deviceLines, radarLines, relative, rgb, type Lines, type RadarReturn, type ShownCuboid } from "./shapes";

export interface Device {
  position: Vec3;
  heading: Quaternion;
}

/** What a change means to who draws it. */
export interface SceneChange {
  /** Another one will follow soon: a drag, frames that play. */
  moving: boolean;
  /** It may be seen in the close-ups. */
  near: boolean;
}

/** Beyond this from the origin, 32-bit numbers would lose millimetres. */
const FAR = 4000;
/** Objects on this layer are for the main view only: close-ups show points and the cuboid. */
export const MAIN_LAYER = 1;
/** From this one on: the points that each close-up shows. */
const CLOSE_LAYER = 2;
const RADAR_COLOR = rgb("#f2f2f2");
const DEVICE_COLOR = rgb("#8b95a3");
const SELECTED = rgb(SELECTED_COLOR);

export class PointScene {
  /** For the renderer; everything in it is relative to `origin`. */
  readonly root = new Scene();
  readonly material = new PointMaterial();
  readonly pace = new Pace();
  /** The diameter of a point in CSS pixels. */
  pointSize = 2;
  /** Where the scene's zero is in the world. */
  origin: Vec3 = [0, 0, 0];
  frame: PointFrame | null = null;
  device: Device = { position: [0, 0, 0], heading: [1, 0, 0, 0] };
  cuboids: readonly ShownCuboid[] = [];
  private placed = false;
  private mode: ColorMode = "height";
  private ranges: Ranges | null = null;
  private radar: readonly RadarReturn[] = [];
  private readonly callbacks = new Set<(change: SceneChange) => void>();
  private readonly points = new Points(new BufferGeometry(), this.material);
  private readonly near: NearPoints[] = [];
  private readonly faces = new Mesh(
    new BufferGeometry(),
    new MeshBasicMaterial({ vertexColors: true, transparent: true, depthWrite: false, side: DoubleSide }),
  );
  private readonly lines = fatLines({ linewidth: 1.5 });
  private readonly ghosts = fatLines({ linewidth: 1.5, dashed: true, dashSize: 0.25, gapSize: 0.2 });
  private readonly selected = fatLines({ linewidth: 2.5, depthTest: false });
  private readonly deviceMark = fatLines({ linewidth: 1.5 });
  private readonly radarMarks = new Points(new BufferGeometry(), new PointsMaterial({ size: 5 * pixelRatio(), sizeAttenuation: false }));
  private readonly velocities = fatLines({ linewidth: 1.5 });

  constructor(scope?: Scope) {
    for (const thing of [this.points, this.faces, this.radarMarks, this.velocities, this.deviceMark]) thing.layers.set(MAIN_LAYER);
    this.selected.renderOrder = 2;
    this.radarMarks.material.color.setRGB(...RADAR_COLOR);
    for (const thing of this.things()) {
      // Their bounds are not kept up to date, and all of them are small or in view anyway.
      thing.frustumCulled = false;
      this.root.add(thing);
    }
    scope?.add(() => this.dispose());
  }

  /** Calls back after each change, until what it returns is called. */
  onChange(callback: (change: SceneChange) => void): () => void {
    this.callbacks.add(callback);
    return () => this.callbacks.delete(callback);
  }

  setFrame(frame: PointFrame | null, device: Device): void {
    this.device = device;
    this.place(frame ? frame.position(Math.floor(frame.count / 2)) : device.position);
    if (frame !== this.frame) this.upload(frame);
    if (frame?.count && !this.ranges) this.ranges = rangesOf(frame, device.position);
    this.refreshPoints();
    setLines(this.deviceMark, deviceLines(device.position, yawOf(device.heading), this.origin, DEVICE_COLOR));
    this.changed({ moving: true, near: true });
  }

  setCuboids(list: readonly ShownCuboid[]): void {
    if (list[0]) this.place(list[0].cuboid.position);
    const before = this.selectedOne();
    this.cuboids = list;
    const now = this.selectedOne();
    this.refreshCuboids();
    this.changed({ moving: before?.id === now?.id && before?.cuboid !== now?.cuboid, near: Boolean(before ?? now) });
  }

  setRadar(returns: readonly RadarReturn[]): void {
    this.radar = returns;
    this.refreshRadar();
    this.changed({ moving: false, near: false });
  }

  setColorMode(mode: ColorMode): void {
    this.mode = mode;
    this.refreshPoints();
    this.changed();
  }

  /** The diameter of a point in CSS pixels. */
  setPointSize(pixels: number): void {
    this.pointSize = pixels;
    this.changed();
  }

  /** The views' background is the element's own; on a light one the points are darker. */
  setTheme(dark: boolean): void {
    this.material.uniforms.dim!.value = dark ? 1 : 0.72;
    this.changed();
  }

  /** Draws the first `most` of the frame's points, a fair sample; returns how many there are. */
  limit(most: number): { points: number; of: number } {
    const of = this.frame?.count ?? 0;
    const points = Math.min(most, of);
    this.points.geometry.setDrawRange(0, points);
    return { points, of };
  }

  /** For one more close-up: its own points, on a layer of their own. */
  addNear(): { near: NearPoints; layer: number } {
    const layer = CLOSE_LAYER + this.near.length;
    const near = new NearPoints(this.material, layer);
    this.near.push(near);
    this.root.add(near.object);
    return { near, layer };
  }

  dispose(): void {
    this.pace.stop();
    this.callbacks.clear();
    for (const thing of this.things()) {
      thing.geometry.dispose();
      thing.material.dispose();
    }
    for (const near of this.near) near.dispose(this.root);
  }

  private things() {
    return [this.points, this.faces, this.lines, this.ghosts, this.selected, this.deviceMark, this.radarMarks, this.velocities] as const;
  }

  private changed(change: SceneChange = { moving: false, near: true }): void {
    for (const callback of this.callbacks) callback(change);
  }

  private selectedOne(): ShownCuboid | undefined {
    return this.cuboids.find((shown) => shown.selected);
  }

  /** Puts the scene's zero near `place` when it is nowhere near yet. */
  private place(place: Vec3 | undefined): void {
    if (!place?.every(Number.isFinite)) return;
    if (this.placed && Math.hypot(...relative(place, this.origin)) < FAR) return;
    this.placed = true;
    this.origin = place.map(Math.round) as Vec3;
    this.ranges = null;
    this.refreshPoints();
    this.refreshCuboids();
    this.refreshRadar();
  }

  /** A new geometry a frame: three frees the old one's memory on the card, and nothing is copied here. */
  private upload(frame: PointFrame | null): void {
    this.frame = frame;
    this.points.geometry.dispose();
    this.points.geometry = new BufferGeometry();
    this.points.visible = Boolean(frame?.count);
    if (frame) this.points.geometry.setAttribute("position", new BufferAttribute(frame.data, 4));
  }

  private refreshPoints(): void {
    const { uniforms } = this.material;
    if (this.frame) {
      uniforms.offset!.value.set(...relative(this.frame.origin, this.origin));
      uniforms.unit!.value.set(...this.frame.step);
    }
    uniforms.device!.value.set(...relative(this.device.position, this.origin));
    if (this.ranges) this.material.setMode(this.mode, this.ranges);
  }

  private refreshCuboids(): void {
    const paint = (shown: ShownCuboid) => (shown.selected ? SELECTED : rgb(shown.color));
    const lines = (wanted: (shown: ShownCuboid) => boolean) => cuboidLines(this.cuboids.filter(wanted), this.origin, paint);
    setLines(this.lines, lines((shown) => !shown.ghost && !shown.selected));
    setLines(this.ghosts, lines((shown) => shown.ghost));
    setLines(this.selected, lines((shown) => !shown.ghost && shown.selected));
    const { positions, colors } = cuboidFaces(this.cuboids, this.origin, paint);
    this.faces.geometry.dispose();
    this.faces.geometry = new BufferGeometry()
      .setAttribute("position", new BufferAttribute(positions, 3))
      .setAttribute("color", new BufferAttribute(colors, 4));
    this.faces.visible = positions.length > 0;
    this.tintSelected();
  }

  private tintSelected(): void {
    const { uniforms } = this.material;
    const cuboid = this.selectedOne()?.cuboid;
    uniforms.hasBox!.value = Boolean(cuboid);
    if (!cuboid) return;
    uniforms.boxCenter!.value.set(...relative(cuboid.position, this.origin));
    uniforms.boxHalf!.value.set(...cuboid.dimensions).multiplyScalar(0.5);
    uniforms.boxTurn!.value.set(Math.cos(cuboid.yaw), Math.sin(cuboid.yaw));
  }

  private refreshRadar(): void {
    const places = new Float32Array(this.radar.flatMap(({ position }) => relative(position, this.origin)));
    this.radarMarks.geometry.dispose();
    this.radarMarks.geometry = new BufferGeometry().setAttribute("position", new BufferAttribute(places, 3));
    this.radarMarks.visible = places.length > 0;
    setLines(this.velocities, radarLines(this.radar, this.origin, RADAR_COLOR));
  }
}

function fatLines(options: { linewidth: number; dashed?: boolean; dashSize?: number; gapSize?: number; depthTest?: boolean }): LineSegments2 {
  const material = new LineMaterial({ vertexColors: true, ...options, linewidth: options.linewidth * pixelRatio() });
  const lines = new LineSegments2(new LineSegmentsGeometry(), material);
  lines.visible = false;
  return lines;
}

function setLines(target: LineSegments2, lines: Lines): void {
  target.geometry.dispose();
  target.geometry = new LineSegmentsGeometry();
  target.visible = lines.positions.length > 0;
  if (!target.visible) return;
  target.geometry.setPositions(lines.positions);
  target.geometry.setColors(lines.colors);
  if (target.material.dashed) target.computeLineDistances();
}
