/** Looking at answers: layers change what is shown, and nothing changes a layer. */
import { computed } from "@preact/signals";
import { describe, expect, test } from "vitest";
import { load } from "../tools/categorization/document";
import { Answers, closeFields, type Reading } from "./reading";
import type { MountTool, WorkSession } from "./tool";
import type { CategorizationAnswer, CategorizationSubtask, LidarSubtask } from "./types";

const subtask: CategorizationSubtask = {
  id: "s", task_id: "t", task_type: "categorization", instruction: "", project: "notes", simulated: false,
  params: { categories: ["cat", "dog"] }, content: { type: "text", text: "Meow." },
};
const layers = [
  { name: "1. Ana", state: "submitted", answer: { category: "cat" } },
  { name: "2. Ben", state: "submitted", answer: { category: "dog" } },
];

function opened(reading: Reading) {
  const seen: { session?: WorkSession<CategorizationAnswer, any>; chosen: () => readonly string[]; toggle(word: string): void } = { chosen: () => [], toggle: () => {} };
  const mount: MountTool<CategorizationAnswer> = (_, session) => {
    const document = load(session.draft, false, session.history);
    Object.assign(seen, { session, chosen: () => document.chosen.value, toggle: (word: string) => document.toggle(word) });
    session.keys.bind({ keys: "x", name: "cat", group: "Categories", run: () => document.toggle("cat") });
    return { answer: document.answer, check: () => [], present: (answer) => document.present(answer), dispose: () => {} };
  };
  return { seen, answers: new Answers(reading, mount, document.createElement("div")) };
}

describe("answers to look at", () => {
  test("each layer shows its own answer", () => {
    const { seen, answers } = opened({ subtask, layers });
    expect(seen.chosen()).toEqual(["cat"]);
    answers.show(1);
    expect(seen.chosen()).toEqual(["dog"]);
    expect(answers.layer.value?.name).toBe("2. Ben");
    answers.dispose();
  });

  test("no change of the tool gets through, by its own call or by a key", () => {
    const { seen, answers } = opened({ subtask, layers });
    seen.toggle("dog");
    seen.session?.announce("dog chosen");
    expect(seen.chosen()).toEqual(["cat"]);
    expect(answers.said.value).toContain("not changed");
    expect(answers.keys.bindings.value.map(({ name }) => name)).toEqual(["Show 1. Ana", "Show 2. Ben", "Show the next answer"]);
    answers.dispose();
  });

  test("the other answers' tracks are what a drive is compared with, and follow the layer", () => {
    const track = (id: string) => ({ id, label: "Car", attributes: {}, cuboids: [] });
    const drive = { ...subtask, task_type: "lidarannotation", ghosts: [] } as unknown as LidarSubtask;
    const given = [["1", "2"], ["1"]].map((ids, place) => ({ ...layers[place]!, answer: { tracks: ids.map(track) } }));
    const { seen, answers } = opened({ subtask: drive, layers: given });
    const ghosts = computed(() => (seen.session!.subtask as LidarSubtask).ghosts.map(({ id }) => id));
    expect(ghosts.value).toEqual(["2. Ben 1"]);
    answers.show(1);
    expect(ghosts.value).toEqual(["1. Ana 1", "1. Ana 2"]);
    answers.compares.value = false;
    expect(ghosts.value).toEqual([]);
    answers.dispose();
  });

  test("fields that would change the answer are closed, also those that come later", async () => {
    const host = document.createElement("div");
    host.innerHTML = '<div class="tool-side"></div><div class="lidar-time"><input></div>';
    const open = closeFields(host);
    host.querySelector(".tool-side")!.innerHTML = "<select></select><button>car 1</button>";
    await new Promise((done) => setTimeout(done));
    expect([...host.querySelectorAll(":disabled")].map(({ tagName }) => tagName)).toEqual(["SELECT"]);
    open();
  });
});
