/** The main view of a drive: the world in perspective or from above, with the places and cuboids under the pointer. */
import { OrthographicCamera, PerspectiveCamera, Vector3, type Camera } from "three";
import { yawOf } from "../../geometry/quaternion";
import type { Scope } from "../../workbench/scope";
import type { Vec3 } from "../../workbench/types";
import { Gestures, type PointerPhase } from "./gestures";
import {
  anchorOf, axesOf, eyeOf, FIELD, halfHeight, meetLevel, pan, placeOnScreen, rayThrough, turn, zoomAt, type Orbit, type Ray, type ScreenPlace,
} from "./orbit";
import { ViewPane, type Pointer, type Size } from "./pane";
import { nearestPoint, pickCuboid, pixelsPerMetre } from "./picking";
import { Renderer, type Picture } from "./renderer";
import { MAIN_LAYER, type PointScene } from "./scene";
import { relative } from "./shapes";

const POINT_REACH = 8;
const RADIANS_PER_PIXEL = 0.006;
const FAR = 3000;

export class MainView {
  /** Set by the tool: true takes a gesture from the camera. Moves without a button come too. */
  onPointer: ((phase: PointerPhase, event: PointerEvent) => boolean) | null = null;
  /** Set by whoever draws over the view: called with each picture. */
  onCamera: (() => void) | null = null;
  private orbit: Orbit = { target: [0, 0, 0], distance: 40, yaw: 0, pitch: 0.6, top: false };
  private aimed = false;
  private readonly pane: ViewPane;
  private readonly perspective = new PerspectiveCamera((FIELD * 180) / Math.PI);
  private readonly above = new OrthographicCamera();

  constructor(host: HTMLElement, private readonly scene: PointScene, scope: Scope) {
    for (const camera of [this.perspective, this.above]) {
      camera.layers.enable(MAIN_LAYER);
      camera.matrixAutoUpdate = false;
    }
    const renderer = new Renderer(host, scene, scope);
    this.pane = new ViewPane(host, renderer, (size, most) => this.picture(size, most), () => {}, scope);
    new Gestures(
      host,
      {
        tool: (phase, event) => this.onPointer?.(phase, event) ?? false,
        turn: (right, down) => this.turn(right * RADIANS_PER_PIXEL, down * RADIANS_PER_PIXEL),
        pan: (right, down) => this.pan(right / this.pane.size.height, down / this.pane.size.height),
        zoom: (factor, pointer) => this.zoom(factor, pointer),
        leftTurns: () => !this.orbit.top,
      },
      scope,
    );
    this.aimFirst();
    scope.add(scene.onChange(() => this.aimFirst()));
  }

  get isTop(): boolean {
    return this.orbit.top;
  }

  /** What is up on the screen in the view from above, as a yaw in the world. */
  get yaw(): number {
    return this.orbit.yaw;
  }

  /** The place in the middle. */
  get target(): Vec3 {
    return this.orbit.target;
  }

  /** Goes along with something that moved. */
  carry(by: Vec3): void {
    this.show({ ...this.orbit, target: this.orbit.target.map((value, axis) => value + by[axis]!) as Vec3 });
  }

  setTop(top: boolean): void {
    this.show({ ...this.orbit, top });
  }

  /** Brings a place into the middle; the distance stays unless given. */
  lookAt(position: Vec3, distance?: number): void {
    this.aimed = true;
    this.show({ ...this.orbit, target: [...position], distance: distance ?? this.orbit.distance });
  }

  /** By radians: to the right, and down. */
  turn(right: number, down: number): void {
    this.show(turn(this.orbit, right, down));
  }

  /** By shares of the view's height: to the right, and down. */
  pan(right: number, down: number): void {
    this.show(pan(this.orbit, right, down));
  }

  /** Below 1 comes nearer; at the pointer when there is one, else in the middle. */
  zoom(factor: number, pointer?: Pointer): void {
    const ray = rayThrough(this.orbit, pointer ? this.placeOf(pointer) : { x: 0, y: 0, aspect: this.aspect() });
    this.show(zoomAt(this.orbit, factor, anchorOf(this.orbit, ray)));
  }

  pick(event: Pointer): { kind: "cuboid"; id: string } | null {
    const found = pickCuboid(this.scene.cuboids, this.ray(event), pixelsPerMetre(this.orbit, this.pane.size.height));
    return found ? { kind: "cuboid", id: found.id } : null;
  }

  /** Where the pointer meets the level plane at height `z`; null above the horizon. */
  groundPoint(event: Pointer, z: number): Vec3 | null {
    return meetLevel(this.ray(event), z);
  }

  /** The point at the pointer, else the place at the height of what the camera circles. */
  worldPoint(event: Pointer): Vec3 | null {
    const { frame } = this.scene;
    const { width, height } = this.pane.size;
    const { x, y } = this.pane.locate(event);
    const index = frame ? nearestPoint(frame, this.orbit, height, x - width / 2, height / 2 - y, POINT_REACH) : -1;
    return frame && index >= 0 ? frame.position(index) : this.groundPoint(event, this.orbit.target[2]);
  }

  /** In CSS pixels from the view's left top corner; null behind the camera. */
  screen(point: Vec3): { x: number; y: number } | null {
    const place = placeOnScreen(this.orbit, point, this.aspect());
    const { width, height } = this.pane.size;
    return place && { x: ((place.x + 1) / 2) * width, y: ((1 - place.y) / 2) * height };
  }

  private show(orbit: Orbit): void {
    this.orbit = orbit;
    this.pane.request(true);
  }

  /** At the first frame: from behind and above the device, as its driver sees it. */
  private aimFirst(): void {
    if (this.aimed || !this.scene.frame) return;
    this.aimed = true;
    const { position, heading } = this.scene.device;
    this.show({ ...this.orbit, target: [...position], yaw: yawOf(heading) });
  }

  private aspect(): number {
    return this.pane.size.width / this.pane.size.height;
  }

  private placeOf(event: Pointer): ScreenPlace {
    const { width, height } = this.pane.size;
    const { x, y } = this.pane.locate(event);
    return { x: (x / width) * 2 - 1, y: 1 - (y / height) * 2, aspect: this.aspect() };
  }

  private ray(event: Pointer): Ray {
    return rayThrough(this.orbit, this.placeOf(event));
  }

  private picture(size: Size, pointsMost: number): Picture {
    const camera = this.setUpCamera(size);
    // With the picture, not before it: names stay with their objects, and the page is put together once.
    this.onCamera?.();
    return { camera, ...this.scene.limit(pointsMost) };
  }

  private setUpCamera({ width, height }: Size): Camera {
    const camera = this.orbit.top ? this.above : this.perspective;
    const { right, up, ahead } = axesOf(this.orbit);
    camera.matrix
      .makeBasis(new Vector3(...right), new Vector3(...up), new Vector3(...ahead).negate())
      .setPosition(new Vector3(...relative(eyeOf(this.orbit), this.scene.origin)));
    camera.matrixWorldNeedsUpdate = true;
    if (camera instanceof PerspectiveCamera) {
      camera.aspect = width / height;
      camera.near = Math.max(0.1, this.orbit.distance * 0.01);
      camera.far = FAR;
    } else {
      camera.top = halfHeight(this.orbit);
      camera.bottom = -camera.top;
      camera.right = (camera.top * width) / height;
      camera.left = -camera.right;
      // Bridges above the camera are seen too.
      camera.near = -FAR;
      camera.far = FAR;
    }
    camera.updateProjectionMatrix();
    return camera;
  }
}
