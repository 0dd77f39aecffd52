/** The cameras' pictures: fetched when first asked for, some of them kept. */
import { signal, type ReadonlySignal } from "@preact/signals";
import type { Scope } from "../../workbench/scope";

/** Decoded, a picture of two megapixels takes 8 MB. */
const KEPT = 36;

export class Pictures {
  /** Grows when one has come, or has failed to. */
  readonly version: ReadonlySignal<number>;
  private readonly changes = signal(0);
  private readonly kept = new Map<string, HTMLImageElement>();
  private readonly failed = new Set<string>();

  constructor(scope: Scope) {
    this.version = this.changes;
    scope.add(() => {
      for (const image of this.kept.values()) image.onload = image.onerror = null;
      this.kept.clear();
    });
  }

  /** The picture, when it is there; else it begins to come. */
  get(url: string): HTMLImageElement | null {
    if (this.failed.has(url)) return null;
    const image = this.kept.get(url) ?? this.fetch(url);
    // The latest asked for is the last to be forgotten.
    this.kept.delete(url);
    this.kept.set(url, image);
    return image.complete && image.naturalWidth > 0 ? image : null;
  }

  hasFailed(url: string): boolean {
    return this.failed.has(url);
  }

  private fetch(url: string): HTMLImageElement {
    const image = new Image();
    image.decoding = "async";
    image.onload = () => { this.changes.value += 1; };
    image.onerror = () => {
      this.failed.add(url);
      this.kept.delete(url);
      this.changes.value += 1;
    };
    image.src = url;
    for (const old of [...this.kept.keys()].slice(0, Math.max(0, this.kept.size - KEPT))) this.kept.delete(old);
    return image;
  }
}
