import { expect, test } from "vitest";
import type { Vec3 } from "../../workbench/types";
import { decodeFrame } from "./frame";
import { encodeFrame } from "./lypf.fixture";
import { spread, stepOver } from "./spread";

/** Beam by beam: x is the number of the beam, y the column. */
function scan(beams: number, columns: number): Vec3[] {
  return Array.from({ length: beams * columns }, (_, i) => [i % beams, Math.floor(i / beams), 0]);
}

test.each([1, 2, 3, 10, 97, 1000, 6765, 200_000])("a step over %i places visits each of them once", (count) => {
  const step = stepOver(count);
  const seen = new Set<number>();
  for (let i = 0, at = 0; i < count; i++, at = (at + step) % count) seen.add(at);
  expect(seen.size).toBe(count);
});

test("no point is lost or changed", () => {
  const frame = decodeFrame(encodeFrame(scan(16, 50), Array.from({ length: 800 }, (_, i) => i % 256)));
  const spreaded = spread(frame);
  const rows = (data: Uint16Array) => Array.from({ length: data.length / 4 }, (_, i) => data.slice(4 * i, 4 * i + 4).join()).sort();
  expect(rows(spreaded.data)).toEqual(rows(frame.data));
  expect(spreaded.position(0)).toEqual(frame.position(0));
  expect([spreaded.origin, spreaded.step, spreaded.hasIntensity]).toEqual([frame.origin, frame.step, frame.hasIntensity]);
});

test.each([32, 55, 64, 89, 128])("any beginning has its share of each of %i beams and of each quarter of the turn", (beams) => {
  const columns = 400;
  const frame = spread(decodeFrame(encodeFrame(scan(beams, columns))));
  for (const count of [beams * 10, beams * 50]) {
    const byBeam = new Array<number>(beams).fill(0);
    const byQuarter = [0, 0, 0, 0];
    for (let i = 0; i < count; i++) {
      const [beam, column] = frame.position(i);
      byBeam[Math.round(beam)]! += 1;
      byQuarter[Math.floor((Math.round(column) * 4) / columns)]! += 1;
    }
    for (const found of byBeam) expect(Math.abs(found - count / beams)).toBeLessThanOrEqual(2);
    for (const found of byQuarter) expect(Math.abs(found - count / 4)).toBeLessThanOrEqual(4);
  }
});
