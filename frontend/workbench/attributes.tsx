/** The attributes of the selected object as a form, and the label list: parts that tools share. */
import { attributeProblems, choicesOf, wordsOf, type Definitions } from "./attribute_rules";
import type { AttributeDefinition, Attributes, AttributeValue, LabelChoice } from "./types";

interface AttributesProps {
  definitions: Definitions;
  values: Attributes;
  /** `undefined` takes the attribute away. */
  onChange(key: string, value: AttributeValue | undefined): void;
}

export function AttributesForm({ definitions, values, onChange }: AttributesProps) {
  const keys = Object.keys(definitions);
  if (keys.length === 0) return <p class="soft">This project has no attributes.</p>;
  const problems = new Map(attributeProblems(definitions, values).map((problem) => [problem.key, problem.message]));
  return (
    <div class="attributes">
      {keys.map((key) => {
        const definition = definitions[key]!;
        const problem = problems.get(key);
        return (
          <div class={problem ? "field has-error" : "field"} key={key}>
            <label for={`attribute-${key}`} title={definition.description ?? undefined}>{wordsOf(key)}{definition.required ? "" : " (optional)"}</label>
            <AttributeInput id={`attribute-${key}`} definition={definition} value={values[key]} onChange={(value) => onChange(key, value)} />
            {problem && <p class="field-error">{problem}</p>}
          </div>
        );
      })}
    </div>
  );
}

interface InputProps {
  id: string;
  definition: AttributeDefinition;
  value: AttributeValue | undefined;
  onChange(value: AttributeValue | undefined): void;
}

function AttributeInput({ id, definition, value, onChange }: InputProps) {
  switch (definition.type) {
    case "category":
      return definition.allow_multiple || Array.isArray(value) ? <ManyChoices {...{ id, definition, value, onChange }} /> : <OneChoice {...{ id, definition, value, onChange }} />;
    case "boolean":
      return (
        <select id={id} value={value === undefined ? "" : String(value)} onChange={(event) => onChange(fromSelect(event.currentTarget.value, (text) => text === "true"))}>
          <option value="">–</option>
          <option value="true">yes</option>
          <option value="false">no</option>
        </select>
      );
    case "number":
    case "angle":
      return (
        <input id={id} type="number" step="any" value={typeof value === "number" ? value : ""}
          onChange={(event) => onChange(fromSelect(event.currentTarget.value, Number))} />
      );
    case "text":
      return <input id={id} type="text" value={typeof value === "string" ? value : ""} onChange={(event) => onChange(event.currentTarget.value || undefined)} />;
  }
}

function OneChoice({ id, definition, value, onChange }: InputProps) {
  return (
    <select id={id} value={typeof value === "string" ? value : ""} onChange={(event) => onChange(event.currentTarget.value || undefined)}>
      <option value="">–</option>
      {choicesOf(definition).map(({ choice, description }) => <option key={choice} value={choice} title={description}>{choice}</option>)}
    </select>
  );
}

function ManyChoices({ id, definition, value, onChange }: InputProps) {
  const chosen = Array.isArray(value) ? value : value === undefined ? [] : [String(value)];
  return (
    <div class="options" id={id} role="group">
      {choicesOf(definition).map(({ choice, description }) => (
        <label key={choice} title={description}>
          <input type="checkbox" checked={chosen.includes(choice)}
            onChange={(event) => onChange(event.currentTarget.checked ? [...chosen, choice] : chosen.filter((one) => one !== choice))} />
          {choice}
        </label>
      ))}
    </div>
  );
}

function fromSelect<Value>(text: string, read: (text: string) => Value): Value | undefined {
  return text === "" ? undefined : read(text);
}

interface LabelRailProps {
  labels: readonly LabelChoice[];
  active: string;
  onChoose(label: string): void;
}

/** The labels with their colours and number keys; the pressed one is what is drawn next. */
export function LabelRail({ labels, active, onChoose }: LabelRailProps) {
  return (
    <div role="group" aria-label="Label of what is drawn next">
      {labels.map((label, index) => (
        <button type="button" key={label.name} class="label-choice" aria-pressed={label.name === active}
          title={`${label.name}${label.description ? `: ${label.description}` : ""}${index < 9 ? ` (${index + 1})` : ""}`} onClick={() => onChoose(label.name)}>
          <span class={`swatch swatch-${label.color_index % 12}`} aria-hidden="true" />
          <span>{label.name}</span>
          {index < 9 && <kbd>{index + 1}</kbd>}
        </button>
      ))}
    </div>
  );
}
