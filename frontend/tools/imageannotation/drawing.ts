/** How boxes look: class colour, the selected one in its own colour with handles, names beside them. */
import { classColor, SELECTED_COLOR } from "../../styles/palette";
import { toScreen, type Point, type View } from "../../viewports/image/view";
import type { BoxAnnotation, LabelChoice } from "../../workbench/types";
import { HANDLES, handlePoint, type Rectangle } from "./box";

/** With more boxes than this, names stay away until a box is selected or pointed at in the list. */
const NAMES_MAX = 40;
const HANDLE_SIZE = 7;

export function paintBoxes(context: CanvasRenderingContext2D, view: View, boxes: readonly BoxAnnotation[], labels: readonly LabelChoice[], hovered: string | null): void {
  const colors = new Map(labels.map((label) => [label.name, classColor(label.color_index)]));
  context.font = "12px system-ui, sans-serif";
  for (const box of boxes) {
    const color = colors.get(box.label) ?? classColor(11);
    const at = screenRectangle(view, box);
    const pointed = box.id === hovered;
    context.fillStyle = `${color}${pointed ? "40" : "1c"}`;
    context.fillRect(at.left, at.top, at.width, at.height);
    outline(context, at, color, pointed ? 2.5 : 1.5);
    if (pointed || boxes.length <= NAMES_MAX) paintName(context, at, box.label, color);
  }
}

export function paintSelected(context: CanvasRenderingContext2D, view: View, box: BoxAnnotation): void {
  const at = screenRectangle(view, box);
  context.fillStyle = `${SELECTED_COLOR}1c`;
  context.fillRect(at.left, at.top, at.width, at.height);
  outline(context, at, SELECTED_COLOR, 2);
  context.font = "12px system-ui, sans-serif";
  paintName(context, at, `${box.label}  ${Math.round(box.width)} × ${Math.round(box.height)}`, SELECTED_COLOR);
  context.lineWidth = 1;
  context.strokeStyle = "#0b1220";
  context.fillStyle = "#ffffff";
  for (const handle of HANDLES) {
    const place = toScreen(view, handlePoint(box, handle));
    context.fillRect(place.x - HANDLE_SIZE / 2, place.y - HANDLE_SIZE / 2, HANDLE_SIZE, HANDLE_SIZE);
    context.strokeRect(place.x - HANDLE_SIZE / 2, place.y - HANDLE_SIZE / 2, HANDLE_SIZE, HANDLE_SIZE);
  }
}

export function paintRubber(context: CanvasRenderingContext2D, view: View, rectangle: Rectangle, color: string): void {
  const at = screenRectangle(view, rectangle);
  context.setLineDash([5, 4]);
  outline(context, at, color, 1.5);
  context.setLineDash([]);
}

/** Lines through the pointer, to see what the next edge will touch. */
export function paintCrossHair(context: CanvasRenderingContext2D, view: View, place: Point, screen: { width: number; height: number }): void {
  const at = toScreen(view, place);
  context.strokeStyle = "#ffffff73";
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(Math.round(at.x) + 0.5, 0);
  context.lineTo(Math.round(at.x) + 0.5, screen.height);
  context.moveTo(0, Math.round(at.y) + 0.5);
  context.lineTo(screen.width, Math.round(at.y) + 0.5);
  context.stroke();
}

function screenRectangle(view: View, box: Rectangle): Rectangle {
  const corner = toScreen(view, { x: box.left, y: box.top });
  return { left: corner.x, top: corner.y, width: box.width * view.scale, height: box.height * view.scale };
}

/** A dark line under the coloured one keeps it readable on any picture. */
function outline(context: CanvasRenderingContext2D, at: Rectangle, color: string, width: number): void {
  context.lineWidth = width + 2;
  context.strokeStyle = "#00000059";
  context.strokeRect(at.left, at.top, at.width, at.height);
  context.lineWidth = width;
  context.strokeStyle = color;
  context.strokeRect(at.left, at.top, at.width, at.height);
}

function paintName(context: CanvasRenderingContext2D, at: Rectangle, name: string, color: string): void {
  const width = context.measureText(name).width + 10;
  // Above the box; inside it where the image's top edge leaves no room.
  const top = at.top >= 18 ? at.top - 18 : at.top;
  context.fillStyle = color;
  context.fillRect(at.left - 1, top, width, 18);
  context.fillStyle = "#0b1220";
  context.textBaseline = "middle";
  context.fillText(name, at.left + 4, top + 9.5);
}
