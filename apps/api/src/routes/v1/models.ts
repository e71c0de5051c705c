/** `/v1/models`: the served model, for programs that speak OpenAI's API. */
import { getModelRoute, getOwnedModelRoute, listModelsRoute, presentModel } from '@prosemill/contract';
import type { ApiServices } from '../../api-services.ts';
import type { AddRoute } from '../../route-table.ts';
import { isServed, modelNotFound } from '../../services/model-names.ts';

export function addModelRoutes(addRoute: AddRoute, { state }: ApiServices): void {
  async function getModel(id: string) {
    const { model } = await state.current();
    if (!isServed(model, id)) throw modelNotFound(id, model);
    return presentModel(id);
  }

  addRoute(listModelsRoute, async (c) => {
    const { model } = await state.current();
    return c.json({ object: 'list' as const, data: model === null ? [] : [presentModel(model.name)] }, 200);
  });
  addRoute(getModelRoute, async (c) => c.json(await getModel(c.req.valid('param').id), 200));
  addRoute(getOwnedModelRoute, async (c) => {
    const { owner, name } = c.req.valid('param');
    return c.json(await getModel(`${owner}/${name}`), 200);
  });
}
