/** Asks before something that cannot be taken back, in a dialog whose button names what it does. */

export function confirmed(what: string, opener: Element | null): Promise<boolean> {
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-labelledby", "confirm-title");
  const title = document.createElement("h2");
  title.id = "confirm-title";
  title.textContent = `${what}?`;
  const actions = document.createElement("form");
  actions.method = "dialog";
  actions.className = "form-actions";
  const danger = opener?.classList.contains("button-danger");
  actions.append(button(what, "yes", danger ? "button button-danger" : "button button-primary"), button("Go back", "no", "button"));
  dialog.append(title, actions);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((answer) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      answer(dialog.returnValue === "yes");
    });
  });
}

function button(text: string, value: string, className: string): HTMLButtonElement {
  const element = document.createElement("button");
  element.value = value;
  element.className = className;
  element.textContent = text;
  return element;
}
