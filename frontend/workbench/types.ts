/** The labelers' API as the workbench reads it: assignments, subtasks by task type, and their answers. */

export type Vec3 = [number, number, number];
export type AttributeValue = string | number | boolean | string[];
export type Attributes = Record<string, AttributeValue>;

export interface Pay {
  amount_cents: number;
  currency: string;
  expected_seconds: number;
  hourly_cents: number;
}

export interface Assignment {
  id: string;
  epoch: number;
  state: string;
  lease_expires_at: string | null;
  task_type: string;
  subtask: Subtask;
  draft: unknown;
  draft_saved_at?: string | null;
  active_seconds: number;
  pay: Pay;
}

export interface NoWork {
  code: string;
  text: string;
  until?: string | null;
}

export interface LabelChoice {
  name: string;
  color_index: number;
  description?: string | null;
  subchoices?: string[];
}

export interface AttributeDefinition {
  type: "category" | "number" | "text" | "angle" | "boolean";
  choices?: Array<string | { choice: string; description?: string }>;
  description?: string | null;
  required?: boolean;
  allow_multiple?: boolean;
}

/** What a follow-up asks about: ids of the draft's objects. */
export interface Focus {
  settled: string[];
  disputed: string[];
  text: string;
}

interface SubtaskCommon<Type extends string, Params> {
  id: string;
  task_id: string;
  task_type: Type;
  instruction: string;
  params: Params;
  project: string;
  simulated: boolean;
  focus?: Focus | null;
}

export interface LidarParams {
  labels: LabelChoice[];
  annotation_attributes?: Record<string, AttributeDefinition>;
  meters_per_unit?: number;
  max_distance_meters?: number | null;
  [name: string]: unknown;
}

export interface ImageParams {
  labels: LabelChoice[];
  geometries?: { box?: { objects_to_annotate?: unknown[]; min_width?: number; min_height?: number } };
  annotation_attributes?: Record<string, AttributeDefinition>;
  [name: string]: unknown;
}

export interface CategorizationParams {
  categories: Array<string | { choice: string; description?: string }>;
  allow_multiple?: boolean;
  [name: string]: unknown;
}

export interface CameraImage {
  camera: string;
  url: string;
  width: number;
  height: number;
  position: Vec3;
  heading: [number, number, number, number];
  model: string;
  fx: number;
  fy: number;
  cx: number;
  cy: number;
  skew: number;
  distortion: Record<string, number>;
}

export interface LidarFrame {
  index: number;
  timestamp: number | null;
  points_url: string;
  points_count: number;
  device: { position: Vec3; heading: [number, number, number, number] };
  gps: { lat: number; long: number; bearing: number } | null;
  radar: Array<{ position: Vec3; direction: Vec3; size: number }>;
  images: CameraImage[];
}

export interface LidarSubtask extends SubtaskCommon<"lidarannotation", LidarParams> {
  frames: LidarFrame[];
  window: { start: number; stop: number; frame_count: number };
  ghosts: LidarTrack[];
}

export interface ImageSubtask extends SubtaskCommon<"imageannotation", ImageParams> {
  image: { url: string; width: number; height: number };
}

export interface CategorizationSubtask extends SubtaskCommon<"categorization", CategorizationParams> {
  content: { type: "text" | "image"; text?: string; url?: string };
}

export type Subtask = LidarSubtask | ImageSubtask | CategorizationSubtask;

export interface LidarCuboid {
  frame: number;
  position: Vec3;
  dimensions: Vec3;
  yaw: number;
  key: boolean;
}

export interface LidarTrack {
  id: string;
  label: string;
  attributes: Attributes;
  cuboids: LidarCuboid[];
}

export interface LidarAnswer { tracks: LidarTrack[] }

export interface BoxAnnotation {
  id: string;
  type: "box";
  label: string;
  left: number;
  top: number;
  width: number;
  height: number;
  attributes: Attributes;
}

export interface ImageAnswer { annotations: BoxAnnotation[] }

export interface CategorizationAnswer { category: string | string[] }
