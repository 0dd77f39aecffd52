/** What stands beside the image: labels, the list of boxes, the selected box's numbers and attributes. */
import { useEffect, useRef } from "preact/hooks";
import { AttributesForm, LabelRail } from "../../workbench/attributes";
import { FocusLine, StandingBadge, standingOf } from "../../workbench/focus";
import type { Problem } from "../../workbench/tool";
import type { BoxAnnotation } from "../../workbench/types";
import type { BoxTool } from "./mount";
import type { Rectangle } from "./box";

export function Rail({ tool }: { tool: BoxTool }) {
  return (
    <>
      <p class="tool-heading">Draw</p>
      <LabelRail labels={tool.labels} active={tool.label.value} onChoose={(label) => { tool.label.value = label; }} />
    </>
  );
}

export function Side({ tool }: { tool: BoxTool }) {
  const boxes = tool.document.boxes.value;
  const box = tool.document.find(tool.selected.value);
  return (
    <>
      <section class="is-tall" aria-label="Objects">
        <p class="tool-heading"><span>Objects</span><span>{boxes.length}</span></p>
        <FocusLine focus={tool.session.subtask.focus} />
        {boxes.length === 0 && <p class="soft">Drag over an object to draw its box, or click two opposite corners.</p>}
        <ObjectList tool={tool} boxes={boxes} problems={tool.problems.value} />
      </section>
      {box && (
        <section aria-label="Selected box">
          <p class="tool-heading"><span>{`Selected: ${tool.document.nameOf(box.id)}`}</span></p>
          <label class="field">
            <span class="visually-hidden">Label</span>
            <select value={box.label} onChange={(event) => tool.document.relabel(box.id, event.currentTarget.value)}>
              {tool.labels.map((label) => <option key={label.name}>{label.name}</option>)}
            </select>
          </label>
          <Numbers box={box} onPlace={(place) => tool.placeSelected(place)} />
          <AttributesForm definitions={tool.definitions} values={box.attributes} onChange={(key, value) => tool.document.setAttribute(box.id, key, value)} />
        </section>
      )}
    </>
  );
}

function ObjectList({ tool, boxes, problems }: { tool: BoxTool; boxes: readonly BoxAnnotation[]; problems: readonly Problem[] }) {
  const counts = new Map<string, number>();
  const troubled = new Set(problems.map((problem) => problem.id.split(":")[0]));
  const colors = new Map(tool.labels.map((label) => [label.name, label.color_index % 12]));
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => list.current?.querySelector("[aria-current=true]")?.scrollIntoView({ block: "nearest" }), [tool.selected.value]);
  return (
    <ul class="object-list" ref={list}>
      {boxes.map((box) => {
        const number = (counts.get(box.label) ?? 0) + 1;
        counts.set(box.label, number);
        const standing = standingOf(tool.session.subtask.focus, box.id);
        return (
          <li key={box.id} data-standing={standing ?? undefined}>
            <button type="button" aria-current={tool.selected.value === box.id} onClick={() => tool.show(box.id)}
              onPointerEnter={() => { tool.hovered.value = box.id; }} onPointerLeave={() => { tool.hovered.value = null; }}>
              <span class={`swatch swatch-${colors.get(box.label) ?? 11}`} aria-hidden="true" />
              <span class="grow">{`${box.label} ${number}`}</span>
              <StandingBadge standing={standing} />
              {troubled.has(box.id) ? <span class="badge badge-bad">problem</span> : <span class="soft">{`${Math.round(box.width)} × ${Math.round(box.height)}`}</span>}
            </button>
          </li>
        );
      })}
    </ul>
  );
}

const NUMBERS: Array<[keyof Rectangle, string]> = [["left", "left"], ["top", "top"], ["width", "width"], ["height", "height"]];

function Numbers({ box, onPlace }: { box: BoxAnnotation; onPlace(place: Rectangle): void }) {
  return (
    <div class="number-grid">
      {NUMBERS.map(([key, words]) => (
        <label class="field" key={key}>
          <span class="tool-heading">{words}</span>
          <input type="number" step="0.1" min={0} value={box[key]} title={`${words} in pixels`}
            onChange={(event) => {
              const value = event.currentTarget.valueAsNumber;
              if (Number.isFinite(value) && value >= 0) onPlace({ left: box.left, top: box.top, width: box.width, height: box.height, [key]: value });
              else event.currentTarget.value = String(box[key]);
            }} />
        </label>
      ))}
    </div>
  );
}
