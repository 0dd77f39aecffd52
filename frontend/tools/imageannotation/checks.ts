/** What should be put right before the boxes are submitted: sizes, labels, attributes, edges. Pure. */
import type { Size } from "../../viewports/image/view";
import { attributeProblems } from "../../workbench/attribute_rules";
import type { Problem } from "../../workbench/tool";
import type { BoxAnnotation, ImageParams } from "../../workbench/types";

/** Answers may touch the image's edge; this much over it is a rounding, not a mistake. */
const EDGE_PIXELS = 0.5;

export function problemsOf(boxes: readonly BoxAnnotation[], params: ImageParams, image: Size, show: (id: string) => void): Problem[] {
  if (boxes.length === 0) return [{ id: "empty", message: "No box is drawn. Submit it like this only when there is nothing to label.", blocking: false }];
  const counts = new Map<string, number>();
  return boxes.flatMap((box) => {
    const number = (counts.get(box.label) ?? 0) + 1;
    counts.set(box.label, number);
    return sentencesOf(box, params, image).map(([code, sentence]) => ({
      id: `${box.id}:${code}`,
      message: `${box.label || "A box"} ${number}: ${sentence}.`,
      blocking: true,
      show: () => show(box.id),
    }));
  });
}

function sentencesOf(box: BoxAnnotation, params: ImageParams, image: Size): Array<[code: string, sentence: string]> {
  const found: Array<[string, string]> = [];
  const { min_width = 1, min_height = 1 } = params.geometries?.box ?? {};
  if (!params.labels.some((label) => label.name === box.label)) found.push(["label", `the label "${box.label}" is not one of this project's`]);
  if (box.width < min_width) found.push(["width", `it is ${box.width} px wide, at least ${min_width} are asked`]);
  if (box.height < min_height) found.push(["height", `it is ${box.height} px high, at least ${min_height} are asked`]);
  const over = box.left < -EDGE_PIXELS || box.top < -EDGE_PIXELS || box.left + box.width > image.width + EDGE_PIXELS || box.top + box.height > image.height + EDGE_PIXELS;
  if (over) found.push(["edge", "it reaches over the image's edge"]);
  for (const problem of attributeProblems(params.annotation_attributes ?? {}, box.attributes)) found.push([problem.key, problem.message]);
  return found;
}
