/** Puts a frame's points into an order whose every beginning is a fair sample of all of them; pure. */
import { frameOf, type PointFrame } from "./frame";

const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * A step that visits each of `count` places once when it goes round and round. With the golden ratio the visited ones lie evenly
 * after any number of steps, whatever pattern the sensor's beams make in the order of its file: every second or every 64th
 * point would be one beam.
 */
export function stepOver(count: number): number {
  let step = Math.max(1, Math.round(count * GOLDEN));
  while (divisor(step, count) > 1) step += 1;
  return step;
}

/** The same points in a new memory; the first n are spread over the file as it came. */
export function spread(frame: PointFrame): PointFrame {
  const { count, data, origin, step: unit, hasIntensity } = frame;
  const step = stepOver(count);
  const ordered = new Uint16Array(count * 4);
  // A point is two words of 32 bits here: half as many copies.
  const [from, to] = [words(data), words(ordered)];
  for (let i = 0, at = 0; i < count; i++) {
    to[2 * i] = from[2 * at]!;
    to[2 * i + 1] = from[2 * at + 1]!;
    at += step;
    if (at >= count) at -= count;
  }
  return frameOf(ordered, origin, unit, hasIntensity);
}

function words(data: Uint16Array): Uint32Array {
  return new Uint32Array(data.buffer, data.byteOffset, data.length / 2);
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}
