import { expect, test } from "vitest";
import answer from "../../../tests/contracts/lidarannotation/answer.json";
import { History } from "../../workbench/history";
import type { LidarAnswer, LidarParams } from "../../workbench/types";
import { problemsOf } from "./checks";
import { load } from "./document";
import { endedAt, placed } from "./track";

const ANSWER = answer as unknown as LidarAnswer;
const BOX = { position: [1, 2, 1] as [number, number, number], dimensions: [4, 2, 1.6] as [number, number, number], yaw: 0.5 };
const clock = (frame: number) => frame / 10;

test("what is loaded is what is saved", () => {
  expect(load(ANSWER).serialize()).toEqual(answer);
  expect(load(null).serialize()).toEqual({ tracks: [] });
});

test("every kind of change can be taken back to exactly what was loaded, and done again", () => {
  const history = new History();
  const document = load(ANSWER, history);
  const id = document.add("car", 1, BOX);
  document.edit(id, "move", (track) => placed(track, 4, { ...BOX, position: [5, 2, 1] }, clock));
  document.edit(id, "end", (track) => endedAt(track, 3));
  document.relabel(id, "person");
  document.setAttribute(id, "occlusion", "none");
  document.setAttribute(id, "occlusion", undefined);
  document.remove("0");
  document.edit("person-7", "take", () => null);
  const after = document.serialize();
  expect(after.tracks.map((track) => track.id)).toEqual(["a1b2c3", id]);
  expect(document.find(id)).toMatchObject({ label: "person", attributes: {} });
  expect(document.find(id)!.cuboids.map((one) => one.frame)).toEqual([1, 2, 3]);
  while (history.undo());
  expect(document.serialize()).toEqual(answer);
  while (history.redo());
  expect(document.serialize()).toEqual(after);
});

test("a drag of many steps is one step back", () => {
  const history = new History();
  const document = load(null, history);
  const id = document.add("car", 0, BOX);
  history.seal();
  for (let x = 0; x < 20; x++) document.edit(id, "move", (track) => placed(track, 0, { ...BOX, position: [x, 2, 1] }, clock), "drag");
  history.undo();
  expect(document.find(id)!.cuboids[0]!.position).toEqual([1, 2, 1]);
});

const PARAMS: LidarParams = {
  labels: [{ name: "car", color_index: 0 }, { name: "person", color_index: 1 }],
  annotation_attributes: { occlusion: { type: "category", choices: ["none", "partly", "mostly"], required: true } },
};

test("problems name the object, the frame and what is wrong", () => {
  const shown: Array<[string, number | null]> = [];
  const tracks = [...load(ANSWER).tracks.value];
  tracks[0] = { ...tracks[0]!, attributes: {}, cuboids: tracks[0]!.cuboids.with(3, { ...tracks[0]!.cuboids[3]!, position: [90, 0, 1], dimensions: [19.25, 1.75, 1.5] }) };
  const problems = problemsOf({ tracks, params: PARAMS, clock, countPoints: (one) => (one.frame === 2 ? 0 : 7), show: (id, frame) => shown.push([id, frame]) });
  expect(problems.map((problem) => `${problem.blocking ? "must" : "look"} ${problem.message}`)).toEqual([
    "must Car 1: occlusion is missing.",
    "look Car 1: no points inside in frame 2.",
    "look Car 1: it is 19.25 m long in frame 3.",
    "look Car 1: it jumps between frames 2 and 3.",
    "look Person 2: no points inside in frame 2.",
    "look Person 2: frame 3 is left out.",
    'must Cyclist 0: the label "cyclist" is not one of this project\'s.',
  ]);
  problems[2]!.show!();
  expect(shown).toEqual([["a1b2c3", 3]]);
});

test("points that are not loaded yet are no problem; nothing drawn is worth a look", () => {
  const tracks = [{ id: "1", label: "car", attributes: { occlusion: "none" }, cuboids: [{ frame: 0, ...BOX, key: true }] }];
  expect(problemsOf({ tracks, params: PARAMS, clock, countPoints: () => null, show: () => {} })).toEqual([]);
  expect(problemsOf({ tracks: [], params: PARAMS, clock, countPoints: () => null, show: () => {} })).toMatchObject([{ id: "empty", blocking: false }]);
});
