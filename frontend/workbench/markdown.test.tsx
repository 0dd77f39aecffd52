import { render } from "preact";
import { expect, test } from "vitest";
import { Markdown } from "./markdown";

function html(text: string): string {
  const host = document.createElement("div");
  render(<Markdown text={text} />, host);
  return (host.firstElementChild as HTMLElement).innerHTML;
}

test("headings, paragraphs, lists, emphasis, code and links", () => {
  expect(html("# Cars\nDraw **tight** boxes,\n*all* of `car`.\n- one\n- two\n  goes on\n\n1. first\n2. second\n\n[guide](https://example.com/a)")).toBe(
    "<h3>Cars</h3><p>Draw <strong>tight</strong> boxes, <em>all</em> of <code>car</code>.</p>" +
      "<ul><li>one</li><li>two goes on</li></ul><ol><li>first</li><li>second</li></ol>" +
      '<p><a href="https://example.com/a" target="_blank" rel="noopener noreferrer">guide</a></p>',
  );
});

test("neither markup nor script addresses get through", () => {
  const made = html("<img src=x onerror=alert(1)> [x](javascript:alert(1)) [y](data:text/html,1)");
  expect(made).not.toContain("<img");
  expect(made).not.toContain("<a");
});
