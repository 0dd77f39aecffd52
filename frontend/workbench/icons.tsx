/** The line icons of the workbench; decorative, so what they stand beside carries the words. */
const PATHS = {
  undo: "M3 6h7a3.5 3.5 0 0 1 0 7H6M5.5 3L2.5 6l3 3",
  redo: "M13 6H6a3.5 3.5 0 0 0 0 7h4M10.5 3l3 3-3 3",
  alert: "M8 2l6.5 11.5h-13zM8 6.5v3.2M8 11.4v.4",
  check: "M3 8.5l3.2 3.2L13 4.8",
  clock: "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8M8 4.5V8l2.4 1.6",
  cloud: "M4.5 12.5a3 3 0 0 1 0-6 4 4 0 0 1 7.6 1.2 2.5 2.5 0 0 1-.6 4.8z",
  offline: "M4.5 12.5a3 3 0 0 1 0-6 4 4 0 0 1 7.6 1.2 2.5 2.5 0 0 1-.6 4.8zM2 2l12 12",
  book: "M2.5 3h4A1.5 1.5 0 0 1 8 4.5V13a1.5 1.5 0 0 0-1.5-1h-4zM13.5 3h-4A1.5 1.5 0 0 0 8 4.5V13a1.5 1.5 0 0 1 1.5-1h4z",
  theme: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 2v12",
  close: "M4 4l8 8M12 4l-8 8",
  yard: "M1 4h5c3 0 3 8 6 8h3M6 4h9M1 12h5",
} as const;

export function Icon({ name }: { name: keyof typeof PATHS }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
