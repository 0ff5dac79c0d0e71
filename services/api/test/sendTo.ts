import { randomUUID } from 'node:crypto';
import type { NamedEndpoint } from '../src/http/endpoint';
import type { TestApi } from './support';

/** Sends a request to the endpoint, with new ids in its path; a POST, PUT or PATCH has this body. */
export function sendTo({ method, path }: NamedEndpoint, client: TestApi['client'], type: string, body: string) {
  const address = path.replaceAll(/\{\w+\}/g, () => randomUUID());
  switch (method) {
    case 'GET':
      return client.get(address);
    case 'DELETE':
      return client.delete(address);
    case 'POST':
      return client.post(address).type(type).send(body);
    case 'PUT':
      return client.put(address).type(type).send(body);
    case 'PATCH':
      return client.patch(address).type(type).send(body);
  }
}
