import { expect, test } from "vitest";
import answer from "../../../tests/contracts/imageannotation/answer.json";
import { History } from "../../workbench/history";
import type { ImageAnswer, ImageParams } from "../../workbench/types";
import { problemsOf } from "./checks";
import { load } from "./document";

const PLACE = { left: 1, top: 2, width: 30, height: 40 };
const IMAGE = { width: 640, height: 480 };
const PARAMS: ImageParams = {
  labels: [{ name: "car", color_index: 0 }],
  geometries: { box: { min_width: 10, min_height: 20 } },
  annotation_attributes: { occlusion: { type: "category", choices: ["none", "partly"], required: true } },
};

test("what is loaded is what is saved", () => {
  expect(load(answer as ImageAnswer).serialize()).toEqual(answer);
  expect(load(null).serialize()).toEqual({ annotations: [] });
});

test("every kind of change can be taken back to exactly what was loaded", () => {
  const history = new History();
  const document = load(answer as ImageAnswer, history);
  const id = document.add("car", PLACE);
  document.place(id, { ...PLACE, left: 50 });
  document.relabel(id, "person");
  document.setAttribute(id, "occlusion", "none");
  document.setAttribute(id, "occlusion", undefined);
  document.remove("box-1");
  expect(document.serialize().annotations.map((box) => box.id)).toEqual(["7f", id]);
  expect(document.find(id)).toMatchObject({ label: "person", left: 50, attributes: {} });
  while (history.undo());
  expect(document.serialize()).toEqual(answer);
});

test("new ids are free, also after a deletion", () => {
  const document = load(answer as ImageAnswer);
  const first = document.add("car", PLACE);
  document.remove("box-1");
  const second = document.add("car", PLACE);
  expect(new Set([first, second, "7f"]).size).toBe(3);
});

test("a drag is one step", () => {
  const history = new History();
  const document = load(null, history);
  const id = document.add("car", PLACE);
  for (let step = 1; step <= 20; step++) document.place(id, { ...PLACE, left: step }, "drag-1");
  history.undo();
  expect(document.find(id)).toMatchObject(PLACE);
});

test("changing a box that is gone changes nothing", () => {
  const history = new History();
  const document = load(null, history);
  document.place("gone", PLACE);
  expect(history.version.value).toBe(0);
});

function codes(...boxes: ImageAnswer["annotations"]): string[] {
  return problemsOf(boxes, PARAMS, IMAGE, () => {}).map((problem) => problem.id);
}

test("checks find what the project asks, box by box", () => {
  const good = { id: "a", type: "box" as const, label: "car", ...PLACE, attributes: { occlusion: "none" } };
  expect(codes(good)).toEqual([]);
  expect(codes({ ...good, width: 9 })).toEqual(["a:width"]);
  expect(codes({ ...good, height: 19.9 })).toEqual(["a:height"]);
  expect(codes({ ...good, label: "boat" })).toEqual(["a:label"]);
  expect(codes({ ...good, attributes: {} })).toEqual(["a:occlusion"]);
  expect(codes({ ...good, attributes: { occlusion: "much" } })).toEqual(["a:occlusion"]);
  expect(codes({ ...good, left: 620 })).toEqual(["a:edge"]);
  expect(codes()).toEqual(["empty"]);
});
