/** The tracks of a window as an undoable document; what it holds is exactly what the answer says. */
import { computed, type ReadonlySignal } from "@preact/signals";
import type { Cuboid } from "../../geometry/cuboid";
import { Document } from "../../workbench/document";
import { History } from "../../workbench/history";
import type { AttributeValue, LidarAnswer, LidarTrack } from "../../workbench/types";
import { rounded } from "./track";

export class DriveDocument {
  private readonly document: Document<readonly LidarTrack[]>;

  readonly tracks: ReadonlySignal<readonly LidarTrack[]>;
  readonly answer: ReadonlySignal<LidarAnswer>;

  constructor(
    tracks: readonly LidarTrack[],
    readonly history: History,
  ) {
    this.document = new Document(tracks, history);
    this.tracks = this.document.state;
    this.answer = computed(() => ({ tracks: [...this.tracks.value] }));
  }

  present(answer: LidarAnswer): void {
    this.document.show(answer.tracks);
  }

  serialize(): LidarAnswer {
    return this.answer.peek();
  }

  find(id: string | null): LidarTrack | null {
    return this.tracks.value.find((track) => track.id === id) ?? null;
  }

  /** Adds an object that is seen in one frame so far, and returns its id. */
  add(label: string, frame: number, cuboid: Cuboid): string {
    const id = this.freeId();
    const track: LidarTrack = { id, label, attributes: {}, cuboids: [{ frame, ...rounded(cuboid), key: true }] };
    this.document.change(`draw ${label} ${id}`, (tracks) => [...tracks, track]);
    return id;
  }

  remove(id: string): void {
    this.document.change(`delete ${this.nameOf(id)}`, (tracks) => tracks.filter((track) => track.id !== id));
  }

  /** `what` says it without the object's name: "move". Null takes the object away; `gesture` makes many small changes one step back. */
  edit(id: string, what: string, change: (track: LidarTrack) => LidarTrack | null, gesture?: string): void {
    this.document.change(
      `${what} ${this.nameOf(id)}`,
      (tracks) => {
        const at = tracks.findIndex((track) => track.id === id);
        const before = tracks[at];
        if (!before) return tracks;
        const after = change(before);
        if (after === before) return tracks;
        return after ? tracks.with(at, after) : tracks.toSpliced(at, 1);
      },
      gesture === undefined ? {} : { gesture },
    );
  }

  relabel(id: string, label: string): void {
    this.edit(id, `make it a ${label}:`, (track) => (track.label === label ? track : { ...track, label }));
  }

  setAttribute(id: string, key: string, value: AttributeValue | undefined): void {
    this.edit(id, `set ${key} of`, (track) => {
      const { [key]: _, ...others } = track.attributes;
      return { ...track, attributes: value === undefined ? others : { ...others, [key]: value } };
    });
  }

  nameOf(id: string): string {
    const tracks = this.tracks.peek();
    const at = tracks.findIndex((one) => one.id === id);
    return at < 0 ? "object" : nameOf(tracks[at]!, at);
  }

  private freeId(): string {
    const taken = new Set(this.tracks.peek().map((track) => track.id));
    let number = taken.size + 1;
    while (taken.has(String(number))) number += 1;
    return String(number);
  }
}

/** "car 3": ids made here are numbers and stay when others go; foreign ids are too long to read. */
export function nameOf(track: LidarTrack, at: number): string {
  return `${track.label} ${/^\d{1,4}$/.test(track.id) ? track.id : at + 1}`;
}

export function load(answer: LidarAnswer | null, history = new History()): DriveDocument {
  return new DriveDocument(answer?.tracks ?? [], history);
}
