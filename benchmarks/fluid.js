// Runs in the page before its own scripts: notes what is handed to the graphics card, and moves a pointer once a frame.
(() => {
  const POINTS = 0; // the mode of gl.drawArrays
  let draws = [];

  for (const name of ["drawArrays", "drawElements", "drawArraysInstanced", "drawElementsInstanced"]) {
    const draw = WebGL2RenderingContext.prototype[name];
    WebGL2RenderingContext.prototype[name] = function (...values) {
      const points = name === "drawArrays" && values[0] === POINTS ? values[2] : 0;
      draws.push({ at: performance.now(), points });
      return draw.apply(this, values);
    };
  }

  const nextFrame = () => new Promise(requestAnimationFrame);

  /** Draw calls close after each other are one picture; only those with points count, all close-ups and the main view together. */
  function pictures() {
    const found = [];
    let last = -Infinity;
    for (const { at, points } of draws.filter((draw) => draw.points > 0)) {
      if (at - last > 8) found.push({ at, points: 0 });
      found.at(-1).points += points;
      last = at;
    }
    return found;
  }

  /** A pointer at a place of the element, as a mouse would send it. */
  function send(element, type, place, buttons, more = {}) {
    const box = element.getBoundingClientRect();
    const at = { clientX: box.left + box.width / 2 + place.x, clientY: box.top + box.height / 2 + place.y };
    const Kind = type === "wheel" ? WheelEvent : PointerEvent;
    const button = type === "pointermove" ? -1 : buttons === 2 ? 2 : 0;
    element.dispatchEvent(new Kind(type, { ...at, pointerId: 1, pointerType: "mouse", button, buttons, bubbles: true, cancelable: true, ...more }));
  }

  /** Round and round: where it is follows from the time alone, so a slow page is given larger steps, not fewer metres. */
  const circle = (seconds, radius) => ({ x: radius * Math.sin(seconds * 2.5), y: (radius / 3) * (1 - Math.cos(seconds * 2.5)) });

  const MOVES = {
    orbit: { selector: ".lidar-main", buttons: 1, radius: 240 },
    "pan and zoom": { selector: ".lidar-main", buttons: 2, radius: 200, wheel: 30 },
    "close-up drag": { selector: ".lidar-closeup-top", buttons: 1, radius: 20 },
  };

  window.fluid = {
    /** Moves for some seconds; returns the pictures of the points that were drawn. */
    async move(name, seconds) {
      const { selector, buttons, radius, wheel } = MOVES[name];
      const element = document.querySelector(selector);
      const start = await nextFrame();
      draws = [];
      send(element, "pointerdown", { x: 0, y: 0 }, buttons);
      let at = { x: 0, y: 0 };
      for (let now = start; now < start + seconds * 1000; now = await nextFrame()) {
        const passed = (now - start) / 1000;
        at = circle(passed, radius);
        send(element, "pointermove", at, buttons);
        if (wheel) send(element, "wheel", at, buttons, { deltaY: wheel * Math.cos(passed * 3) });
      }
      const drawn = pictures();
      send(element, "pointerup", at, 0);
      return { pictures: drawn, ended: performance.now() };
    },

    /** Plays the drive from its first frame, for some seconds or to its last. */
    async play(seconds) {
      document.querySelector("[aria-label='First frame']").click();
      await this.rest(performance.now(), 0, 1000);
      draws = [];
      document.querySelector("[aria-label='Play']").click();
      const start = await nextFrame();
      while (document.querySelector("[aria-label='Pause']") && performance.now() < start + seconds * 1000) await nextFrame();
      const drawn = pictures();
      document.querySelector("[aria-label='Pause']")?.click();
      return { pictures: drawn, ended: performance.now() };
    },

    /**
     * Waits until nothing has been drawn for `quiet` ms. Says when after `ended` all points were on the screen (null: they were
     * there all the time, or never), and how often was drawn in the second after that.
     */
    async rest(ended, points, quiet) {
      const whole = () => draws.find((draw) => draw.at > ended && draw.points >= points);
      let full = null;
      for (let now = performance.now(); now < Math.max(ended, draws.at(-1)?.at ?? 0) + quiet; now = performance.now()) {
        await nextFrame();
        // What is drawn in one frame of the screen is seen with the next.
        if (full === null && whole()) full = (await nextFrame()) - ended;
      }
      const after = draws.length;
      await new Promise((done) => setTimeout(done, 1000));
      return { full, idle: draws.length - after };
    },

    renderer() {
      const gl = document.createElement("canvas").getContext("webgl2");
      const info = gl.getExtension("WEBGL_debug_renderer_info");
      return gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
    },
  };
})();
