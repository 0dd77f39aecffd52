/** What should be looked at before the tracks are submitted. Pure. */
import { attributeProblems } from "../../workbench/attribute_rules";
import type { Problem } from "../../workbench/tool";
import type { LidarCuboid, LidarParams, LidarTrack } from "../../workbench/types";
import { nameOf } from "./document";
import { oddSize } from "./sizes";
import { gapsOf, type Clock } from "./track";

export interface Checked {
  tracks: readonly LidarTrack[];
  params: LidarParams;
  clock: Clock;
  /** Points inside; null while the frame is not loaded. */
  countPoints(cuboid: LidarCuboid): number | null;
  show(id: string, frame: number | null): void;
}

/** Metres a second between two frames that nothing on a street does. */
const SPEED_MAX = 70;
/** Many frames of one object with the same trouble are one line. */
type Sentence = { code: string; words: string; frame: number | null; blocking: boolean };

export function problemsOf(checked: Checked): Problem[] {
  const { tracks, show } = checked;
  if (tracks.length === 0) return [{ id: "empty", message: "No object is drawn. Submit it like this only when there is nothing to label.", blocking: false }];
  return tracks.flatMap((track, at) =>
    sentencesOf(track, checked).map(({ code, words, frame, blocking }) => ({
      id: `${track.id}:${code}`,
      message: `${capital(nameOf(track, at))}: ${words}.`,
      blocking,
      show: () => show(track.id, frame),
    })),
  );
}

function sentencesOf(track: LidarTrack, { params, clock, countPoints }: Checked): Sentence[] {
  const found: Sentence[] = [];
  if (!params.labels.some((label) => label.name === track.label)) {
    found.push({ code: "label", words: track.label ? `the label "${track.label}" is not one of this project's` : "it has no label", frame: null, blocking: true });
  }
  for (const { key, message } of attributeProblems(params.annotation_attributes ?? {}, track.attributes)) {
    found.push({ code: key, words: message, frame: null, blocking: true });
  }
  const empty = track.cuboids.filter((cuboid) => countPoints(cuboid) === 0);
  if (empty.length) found.push({ code: "no-points", words: `no points inside in ${framesIn(empty)}`, frame: empty[0]!.frame, blocking: false });
  const odd = track.cuboids.find((cuboid) => oddSize(track.label, cuboid.dimensions));
  if (odd) found.push({ code: "size", words: `it is ${oddSize(track.label, odd.dimensions)} in frame ${odd.frame}`, frame: odd.frame, blocking: false });
  for (const { from, to } of gapsOf(track)) {
    const words = to - from === 2 ? `frame ${from + 1} is` : `frames ${from + 1} to ${to - 1} are`;
    found.push({ code: `gap-${from}`, words: `${words} left out`, frame: from + 1, blocking: false });
  }
  const jump = jumpOf(track, clock);
  if (jump !== null) found.push({ code: "jump", words: `it jumps between frames ${jump} and ${jump + 1}`, frame: jump + 1, blocking: false });
  return found;
}

function jumpOf({ cuboids }: LidarTrack, clock: Clock): number | null {
  const at = cuboids.findIndex((one, i) => {
    const next = cuboids[i + 1];
    if (next?.frame !== one.frame + 1) return false;
    const way = Math.hypot(next.position[0] - one.position[0], next.position[1] - one.position[1]);
    return way / (clock(next.frame) - clock(one.frame)) > SPEED_MAX;
  });
  return at < 0 ? null : cuboids[at]!.frame;
}

/** "frames 3 to 7" or "frames 3, 5 and 9" or "12 frames, first 3". */
function framesIn(cuboids: readonly LidarCuboid[]): string {
  const frames = cuboids.map((one) => one.frame);
  const [first, last] = [frames[0]!, frames.at(-1)!];
  if (frames.length === 1) return `frame ${first}`;
  if (last - first === frames.length - 1) return `frames ${first} to ${last}`;
  if (frames.length > 4) return `${frames.length} frames, first ${first}`;
  return `frames ${frames.slice(0, -1).join(", ")} and ${last}`;
}

function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
