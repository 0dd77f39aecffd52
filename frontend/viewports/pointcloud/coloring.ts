/** How points are coloured: the ranges from the data, and the material that the graphics card runs. */
import { GLSL3, RawShaderMaterial, Vector2, Vector3 } from "three";
import { rgb } from "./shapes";
import { SELECTED_COLOR } from "../../styles/palette";
import type { Vec3 } from "../../workbench/types";
import type { PointFrame } from "./frame";

export type ColorMode = "height" | "intensity" | "distance";

export interface Ranges {
  /** Heights above the device. */
  height: [number, number];
  intensity: [number, number];
  /** Metres from the device. */
  distance: [number, number];
}

const SAMPLES = 4000;

/** From a sample of one frame; kept for a drive, so that a point's colour does not flicker while it plays. */
export function rangesOf(frame: PointFrame, device: Vec3): Ranges {
  const heights: number[] = [];
  const intensities: number[] = [];
  const distances: number[] = [];
  const stride = Math.max(1, Math.floor(frame.count / SAMPLES));
  for (let i = 0; i < frame.count; i += stride) {
    const [x, y, z] = frame.position(i);
    heights.push(z - device[2]);
    intensities.push((frame.data[i * 4 + 3]! & 255) / 255);
    distances.push(Math.hypot(x - device[0], y - device[1]));
  }
  const low = quantile(heights, 0.02);
  return {
    // Most points lie on the road: a range of some metres above it tells cars, people and walls apart.
    height: [low, Math.max(low + 3, Math.min(low + 8, quantile(heights, 0.98)))],
    intensity: [0, Math.max(0.05, quantile(intensities, 0.98))],
    distance: [0, Math.max(10, quantile(distances, 0.95))],
  };
}

function quantile(values: number[], share: number): number {
  if (!values.length) return 0;
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

const MODES: readonly ColorMode[] = ["height", "intensity", "distance"];

const VERTEX = /* glsl */ `
precision highp float;
uniform mat4 modelViewMatrix, projectionMatrix;
uniform vec3 offset, unit, device;
uniform vec2 range;
uniform int mode;
uniform float size, viewHeight;
uniform bool hasBox;
uniform vec3 boxCenter, boxHalf, selectedColor;
uniform vec2 boxTurn;
uniform float dim;
in vec4 position;
out vec3 tone;

// Turbo by Anton Mikhailov, as a polynomial (Apache-2.0).
vec3 turbo(float x) {
  vec4 v4 = vec4(1.0, x, x * x, x * x * x);
  vec2 v2 = v4.zw * v4.z;
  return vec3(
    dot(v4, vec4(0.13572138, 4.61539260, -42.66032258, 132.13108234)) + dot(v2, vec2(-152.94239396, 59.28637943)),
    dot(v4, vec4(0.09140261, 2.19418839, 4.84296658, -14.18503333)) + dot(v2, vec2(4.27729857, 2.82956604)),
    dot(v4, vec4(0.10667330, 12.64194608, -60.58204836, 110.36276771)) + dot(v2, vec2(-89.90310912, 27.34824973)));
}

void main() {
  vec3 place = offset + position.xyz * unit;
  vec4 seen = modelViewMatrix * vec4(place, 1.0);
  gl_Position = projectionMatrix * seen;
  float value = mode == 0 ? place.z - device.z : mode == 1 ? mod(position.w, 256.0) / 255.0 : distance(place.xy, device.xy);
  float t = clamp((value - range.x) / (range.y - range.x), 0.0, 1.0);
  if (mode == 1) t = sqrt(t);
  // The ends of the map are too dark to be seen.
  tone = clamp(turbo(0.1 + 0.82 * t), 0.0, 1.0) * dim;
  if (hasBox) {
    vec3 d = place - boxCenter;
    vec3 own = vec3(boxTurn.x * d.x + boxTurn.y * d.y, boxTurn.x * d.y - boxTurn.y * d.x, d.z);
    if (all(lessThanEqual(abs(own), boxHalf))) tone = mix(tone, selectedColor, 0.65);
  }
  // Close points are larger: from some metres in perspective, by scale in the close-ups.
  bool level = projectionMatrix[3][3] == 1.0;
  float metre = 0.5 * projectionMatrix[1][1] * viewHeight / (level ? 1.0 : max(-seen.z, 0.1));
  gl_PointSize = size * clamp(metre * (level ? 0.04 : 0.02), 1.0, 2.2);
}`;

const FRAGMENT = /* glsl */ `
precision mediump float;
in vec3 tone;
out vec4 color;
void main() {
  vec2 d = gl_PointCoord - 0.5;
  if (dot(d, d) > 0.27) discard;
  color = vec4(tone, 1.0);
}`;

export class PointMaterial extends RawShaderMaterial {
  constructor() {
    super({
      glslVersion: GLSL3,
      vertexShader: VERTEX,
      fragmentShader: FRAGMENT,
      uniforms: {
        offset: { value: new Vector3() },
        unit: { value: new Vector3(1, 1, 1) },
        device: { value: new Vector3() },
        range: { value: new Vector2(0, 1) },
        mode: { value: 0 },
        size: { value: 2 },
        viewHeight: { value: 1 },
        hasBox: { value: false },
        boxCenter: { value: new Vector3() },
        boxHalf: { value: new Vector3() },
        boxTurn: { value: new Vector2(1, 0) },
        selectedColor: { value: new Vector3(...rgb(SELECTED_COLOR)) },
        dim: { value: 1 },
      },
    });
  }

  setMode(mode: ColorMode, ranges: Ranges): void {
    this.uniforms.mode!.value = MODES.indexOf(mode);
    this.uniforms.range!.value.set(...ranges[mode]);
  }
}
