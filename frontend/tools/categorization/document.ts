/** The chosen categories as an undoable document. */
import { computed, type ReadonlySignal } from "@preact/signals";
import { Document } from "../../workbench/document";
import { History } from "../../workbench/history";
import type { CategorizationAnswer } from "../../workbench/types";

export class CategoryDocument {
  private readonly document: Document<readonly string[]>;

  readonly chosen: ReadonlySignal<readonly string[]>;
  readonly answer: ReadonlySignal<CategorizationAnswer>;

  constructor(
    chosen: readonly string[],
    readonly many: boolean,
    history: History,
  ) {
    this.document = new Document(chosen, history);
    this.chosen = this.document.state;
    this.answer = computed(() => ({ category: many ? [...this.chosen.value] : (this.chosen.value[0] ?? "") }));
  }

  present(answer: CategorizationAnswer): void {
    this.document.show(chosenIn(answer));
  }

  serialize(): CategorizationAnswer {
    return this.answer.peek();
  }

  /** Chooses the category; where several are allowed, choosing it again takes it away. */
  toggle(category: string): void {
    this.document.change(`choose ${category}`, (chosen) => {
      if (!this.many) return chosen[0] === category ? chosen : [category];
      return chosen.includes(category) ? chosen.filter((one) => one !== category) : [...chosen, category];
    });
  }
}

/** `many` says whether the project allows several; an answer that is there already says it by its shape. */
export function load(answer: CategorizationAnswer | null, many = Array.isArray(answer?.category), history = new History()): CategoryDocument {
  return new CategoryDocument(chosenIn(answer), many, history);
}

function chosenIn(answer: CategorizationAnswer | null): string[] {
  const category = answer?.category ?? [];
  return Array.isArray(category) ? category : category === "" ? [] : [category];
}
