/** The names of a GPT-2 graph's inputs and outputs. */

export const inputNames = {
  ids: 'ids',
  position: 'position',
  wanted: 'wanted',
  sections: 'sections',
  laneRows: 'lane_rows',
  promptShape: 'prompt_shape',
  promptMask: 'prompt_mask',
} as const;

export const outputNames = {
  topValues: 'top_values',
  topIds: 'top_ids',
  logits: 'logits',
  logitScales: 'logit_scales',
} as const;

type Pair = readonly [keys: string, values: string];

const pair = (name: string): Pair => [`${name}_k`, `${name}_v`];

export const maskName = (lane: number): string => `mask_${lane}`;
export const pastNames = (layer: number, lane: number): Pair => pair(`past_${layer}_${lane}`);
export const promptPastNames = (layer: number): Pair => pair(`prompt_past_${layer}`);
export const newNames = (layer: number): Pair => pair(`new_${layer}`);
export const promptNames = (layer: number): Pair => pair(`prompt_${layer}`);
/** The inputs of the linear layers: for each layer queries-keys-values, projection, MLP in, MLP out; then the head. */
export const observedName = (index: number): string => `linear_input_${index}`;
