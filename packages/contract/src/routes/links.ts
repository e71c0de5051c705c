/** OpenAPI links from an answer to the requests that may follow: for generated clients, and for tests. */

/** Each function takes the JSON pointer to an id in the body of the answer. */
export const links = {
  job: (pointer: string) => ({ getJob: link('getJob', pointer) }),
  cancel: (pointer: string) => ({ cancelJob: link('cancelJob', pointer) }),
  batch: (pointer: string) => ({ getBatch: link('getBatch', pointer) }),
  cancelBatch: (pointer: string) => ({ cancelBatch: link('cancelBatch', pointer) }),
  record: (pointer: string) => ({ getHistory: link('getHistory', pointer) }),
  key: (pointer: string) => ({ revokeKey: link('revokeKey', pointer) }),
};

function link(operationId: string, pointer: string) {
  return { operationId, parameters: { id: `$response.body#${pointer}` } };
}
