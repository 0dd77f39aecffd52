/** Instructions in the small part of Markdown that people write: headings, lists, emphasis, code, links. Never raw HTML. */
import type { ComponentChildren, VNode } from "preact";

export function Markdown({ text }: { text: string }) {
  return <div class="prose">{blocksOf(text).map(renderBlock)}</div>;
}

function blocksOf(text: string): string[][] {
  const blocks: string[][] = [];
  let block: string[] = [];
  for (const line of text.replace(/\r\n?/g, "\n").split("\n")) {
    const starts = /^#{1,6}\s/.test(line) || (isItem(line) && !isItem(block[0] ?? ""));
    if (line.trim() === "" || starts) {
      if (block.length > 0) blocks.push(block);
      block = [];
    }
    if (line.trim() !== "") block.push(line);
    if (/^#{1,6}\s/.test(line)) {
      blocks.push(block);
      block = [];
    }
  }
  return block.length > 0 ? [...blocks, block] : blocks;
}

const ITEM = /^\s*(?:[-*+]|\d+[.)])\s+/;
const isItem = (line: string) => ITEM.test(line);

function renderBlock(lines: string[]): VNode {
  const first = lines[0] as string;
  const heading = /^(#{1,6})\s+(.*)$/.exec(first);
  if (heading) return heading[1]!.length === 1 ? <h3>{inline(heading[2]!)}</h3> : <h4>{inline(heading[2]!)}</h4>;
  if (!isItem(first)) return <p>{inline(lines.join(" "))}</p>;
  const items: string[] = [];
  for (const line of lines) {
    if (isItem(line) || items.length === 0) items.push(line.replace(ITEM, ""));
    else items[items.length - 1] += ` ${line.trim()}`;
  }
  const children = items.map((item) => <li>{inline(item)}</li>);
  return /^\s*\d/.test(first) ? <ol>{children}</ol> : <ul>{children}</ul>;
}

const INLINE = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|\[([^\]]+)\]\((https?:\/\/[^\s)]+)\)/;

function inline(text: string): ComponentChildren[] {
  const match = INLINE.exec(text);
  if (!match) return [text];
  const [whole, code, strong, soft, words, address] = match;
  const made = code !== undefined ? <code>{code}</code>
    : strong !== undefined ? <strong>{inline(strong)}</strong>
    : soft !== undefined ? <em>{inline(soft)}</em>
    : <a href={address} target="_blank" rel="noopener noreferrer">{words}</a>;
  return [text.slice(0, match.index), made, ...inline(text.slice(match.index + whole.length))];
}
