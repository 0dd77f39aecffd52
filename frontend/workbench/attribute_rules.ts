/** What is wrong with the attributes of an object, in words; the same rules as the schema of the answer. */
import type { AttributeDefinition, Attributes, AttributeValue } from "./types";

export type Definitions = Record<string, AttributeDefinition>;

export interface AttributeProblem {
  key: string;
  message: string;
}

export function choicesOf(definition: AttributeDefinition): Array<{ choice: string; description: string }> {
  return (definition.choices ?? []).map((one) =>
    typeof one === "string" ? { choice: one, description: "" } : { choice: one.choice, description: one.description ?? "" },
  );
}

export function attributeProblems(definitions: Definitions, attributes: Attributes): AttributeProblem[] {
  return Object.entries(definitions).flatMap(([key, definition]) => {
    const message = problemOf(definition, attributes[key]);
    return message === null ? [] : [{ key, message: `${wordsOf(key)} ${message}` }];
  });
}

/** "occlusion_level" as people read it. */
export function wordsOf(key: string): string {
  return key.replace(/[_-]+/g, " ");
}

function problemOf(definition: AttributeDefinition, value: AttributeValue | undefined): string | null {
  if (isMissing(value)) return definition.required ? "is missing" : null;
  if (definition.type === "category") {
    const known = choicesOf(definition).map((one) => one.choice);
    const unknown = (Array.isArray(value) ? value : [String(value)]).find((one) => !known.includes(one));
    return unknown === undefined ? null : `is "${unknown}", which is not one of its choices`;
  }
  if ((definition.type === "number" || definition.type === "angle") && !(typeof value === "number" && Number.isFinite(value))) return "is not a number";
  return null;
}

function isMissing(value: AttributeValue | undefined): boolean {
  return value === undefined || value === "" || (Array.isArray(value) && value.length === 0);
}
