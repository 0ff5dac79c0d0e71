import { MillraceError } from '@millrace/contracts';
import { json, type Request, type Response, Router } from 'express';
import { Access } from '../authorization/access';
import type { Authenticate } from '../authorization/authentication';
import { mayEver, type Permission } from '../authorization/permissions';
import type { Principal } from '../authorization/principal';
import type { Resources, SharedResources } from '../dependencies';
import { addressOf } from '../limits/addresses';
import type { RequestLimits } from '../limits/requestLimits';
import { nameRoute } from '../metrics/requestMetrics';
import type { Endpoint, JsonBody } from './endpoint';
import { hasBody } from './hasBody';

/** What every request passes before its endpoint. */
export interface RequestGuards {
  authenticate: Authenticate;
  limits: RequestLimits;
}

/** Makes the routes of the endpoints. A method that no endpoint of a path takes is answered with METHOD_NOT_ALLOWED. */
export function endpointRouter(
  endpoints: readonly Endpoint[],
  resources: SharedResources,
  { authenticate, limits }: RequestGuards,
): Router {
  const router = Router();
  const paths = new Map<string, Endpoint[]>();
  for (const endpoint of endpoints) {
    paths.set(endpoint.path, [...(paths.get(endpoint.path) ?? []), endpoint]);
  }
  // Sorted, so that a fixed name comes before a parameter in its place: "{" sorts after every letter.
  for (const [path, atPath] of [...paths].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const route = router.route(path.replaceAll(/\{(\w+)\}/g, ':$1'));
    for (const endpoint of atPath) {
      route[methodNames[endpoint.method]](runner(endpoint, resources, { authenticate, limits }));
    }
    const methods = Object.keys(methodNames)
      .filter((method) => atPath.some((endpoint) => endpoint.method === method))
      .join(', ');
    const isPublic = atPath.every((endpoint) => endpoint.access === 'public');
    route.all(async (request, response) => {
      nameRoute(response, path);
      if (!isPublic) {
        await authenticate(request, 'read');
      }
      response.setHeader('Allow', methods);
      throw new MillraceError('METHOD_NOT_ALLOWED', `${request.method} is not one of ${methods}.`);
    });
  }
  return router;
}

const methodNames = { GET: 'get', POST: 'post', PUT: 'put', PATCH: 'patch', DELETE: 'delete' } as const;

/** Makes the handler of Express: authenticates, parses, calls the endpoint and sends its answer. */
function runner(endpoint: Endpoint, shared: SharedResources, { authenticate, limits }: RequestGuards) {
  const { body, query, headers } = endpoint;
  const readJson = body?.kind === 'json' ? jsonReader(body) : null;
  const headerNames = Object.keys(headers?.shape ?? {});

  const accessOf = async (request: Request, permission: Permission) => {
    const principal = await authenticate(request, endpoint.rateClass);
    requirePermission(principal, permission);
    return new Access(principal, permission, shared.database);
  };

  return async (request: Request, response: Response): Promise<void> => {
    nameRoute(response, endpoint.path);
    if (endpoint.access === 'public' && endpoint.rateClass !== 'unlimited') {
      await limits.countAnonymous(request);
    }
    const resources: Resources =
      endpoint.access === 'public'
        ? // Public endpoints cannot declare that they use it.
          (shared as Resources)
        : { ...shared, access: await accessOf(request, endpoint.access) };
    const given = Object.fromEntries(headerNames.map((name) => [name, request.get(name)]));
    const answer = await endpoint.handle(
      {
        params: request.params as Record<string, string>,
        query: query?.parse(request.query) ?? {},
        headers: headers?.parse(given) ?? {},
        body: readJson ? await readJson(request, response) : request,
        address: addressOf(request),
        requestId: String(request.id),
        gone: goneSignal(response),
      },
      resources,
    );
    response.status(answer.status).set(answer.headers ?? {});
    if (typeof answer.body === 'string') {
      response.send(answer.body);
    } else if (answer.body === undefined) {
      response.end();
    } else {
      response.json(answer.body);
    }
  };
}

/** Refuses a principal that may do this nowhere. @throws MillraceError FORBIDDEN */
function requirePermission(principal: Principal, permission: Permission): void {
  if (!mayEver(principal, permission)) {
    throw new MillraceError('FORBIDDEN', `This needs the permission ${permission}.`);
  }
}

/** Makes a function that reads and parses a JSON body. */
function jsonReader({ schema, required, maxBytes }: JsonBody) {
  const read = json({ limit: maxBytes });
  return async (request: Request, response: Response): Promise<unknown> => {
    if (!required && !hasBody(request)) {
      return schema.parse({});
    }
    // Express takes a body of another type for no body at all, and the answer would not say why.
    if (!request.is('application/json')) {
      throw new MillraceError('REQUEST_INVALID', 'The body must be JSON, sent with Content-Type: application/json.', {
        extra: { errors: [{ path: '', message: 'The body must be application/json.' }] },
      });
    }
    await new Promise<void>((resolve, reject) => {
      read(request, response, (error) => (error ? reject(error) : resolve()));
    });
    return schema.parse(request.body);
  };
}

/** Aborted when the connection closes before the answer is sent. */
function goneSignal(response: Response): AbortSignal {
  const controller = new AbortController();
  if (response.destroyed) {
    controller.abort();
  }
  response.once('close', () => controller.abort());
  return controller.signal;
}
