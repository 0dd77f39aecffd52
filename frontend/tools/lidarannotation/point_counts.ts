/** How many points each cuboid holds, counted once: a cuboid is never changed, only replaced. */
import { pointsInside, type PointFrame } from "../../viewports/pointcloud/frame";
import type { Scope } from "../../workbench/scope";
import type { LidarCuboid, LidarTrack } from "../../workbench/types";

/** A check must not be felt in a drag, each step of which is checked; the rest is counted when there is a pause. */
const CHECK_MS = 1;
const PAUSE_MS = 120;
const IDLE_MS = 8;

export class PointCounts {
  private readonly counts = new WeakMap<LidarCuboid, number>();
  private waiting = 0;
  private deadline = 0;

  constructor(
    private readonly frame: (index: number) => PointFrame | null,
    private readonly tracks: () => readonly LidarTrack[],
    scope: Scope,
  ) {
    scope.add(() => clearTimeout(this.waiting));
  }

  /** Null while the frame is not loaded. */
  count(cuboid: LidarCuboid): number | null {
    const known = this.counts.get(cuboid);
    if (known !== undefined) return known;
    const frame = this.frame(cuboid.frame);
    if (!frame) return null;
    const counted = pointsInside(frame, cuboid).length;
    this.counts.set(cuboid, counted);
    return counted;
  }

  /** For many at once: what is not known is counted for some milliseconds, and the rest is null and counted later. */
  counter(): (cuboid: LidarCuboid) => number | null {
    this.deadline = performance.now() + CHECK_MS;
    return (cuboid) => {
      const known = this.counts.get(cuboid);
      if (known !== undefined || performance.now() < this.deadline) return known ?? this.count(cuboid);
      this.countLater();
      return null;
    };
  }

  private countLater(): void {
    clearTimeout(this.waiting);
    this.waiting = window.setTimeout(() => {
      const end = performance.now() + IDLE_MS;
      for (const track of this.tracks()) {
        for (const cuboid of track.cuboids) {
          if (this.counts.has(cuboid) || this.count(cuboid) === null) continue;
          if (performance.now() > end) return this.countLater();
        }
      }
    }, PAUSE_MS);
  }
}
