import type { IncomingMessage } from 'node:http';
import type { ErrorCode } from '@millrace/contracts';
import type { z } from 'zod';
import type { Permission } from '../authorization/permissions';
import type { Resources } from '../dependencies';

/** Who may call an endpoint: anyone, or a principal with this permission. */
export type AccessRule = 'public' | Permission;

/** Which limit of requests counts a call. It is published, so that clients can pace themselves. */
export type RateClass = 'read' | 'write' | 'upload' | 'search' | 'admin' | 'unlimited';

/** A body that the router reads and parses as JSON. */
export interface JsonBody<Schema extends z.ZodType = z.ZodType> {
  kind: 'json';
  schema: Schema;
  /** A body that is not required and not sent is an empty object. */
  required: boolean;
  maxBytes: number;
}

/** A file that the handler receives as a stream: as a form with one file and fields, or as the raw body. */
export interface UploadBody {
  kind: 'upload';
  /** The fields of the form, besides the file. */
  form: z.ZodObject;
  /** The media types of a raw body. */
  mediaTypes: readonly string[];
}

export interface ResponseDeclaration {
  description: string;
  /** None for a response without a body. */
  schema?: z.ZodType;
  /** `application/json` when left out. */
  contentType?: string;
}
type Responses = Record<number, ResponseDeclaration>;

/** What a handler returns: one of the declared statuses with a body of its schema. */
type Answer<Declared extends Responses> = {
  [Status in keyof Declared & number]: {
    status: Status;
    headers?: Record<string, string>;
  } & (Declared[Status] extends {
    schema: infer Schema extends z.ZodType;
  }
    ? { body: z.input<Schema> }
    : { body?: undefined });
}[keyof Declared & number];

type NameInPath<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | NameInPath<Rest>
  : never;

type ParsedBody<Body> =
  Body extends JsonBody<infer Schema> ? z.output<Schema> : Body extends UploadBody ? IncomingMessage : undefined;

interface Input<Path extends string, Query extends z.ZodObject, Headers extends z.ZodObject, Body> {
  params: Record<NameInPath<Path>, string>;
  query: z.output<Query>;
  headers: z.output<Headers>;
  /** The parsed JSON, or the request itself for an upload. */
  body: ParsedBody<Body>;
  /** The address of the client. */
  address: string;
  requestId: string;
  /** Aborted when the client has closed the connection. */
  gone: AbortSignal;
}

type EmptyObject = z.ZodObject<Record<never, never>>;

interface Declaration<
  Path extends string,
  Query extends z.ZodObject,
  Headers extends z.ZodObject,
  Body extends JsonBody | UploadBody | undefined,
  Declared extends Responses,
  Rule extends AccessRule,
  Used extends Rule extends 'public' ? Exclude<keyof Resources, 'access'> : keyof Resources,
> {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With the names of its parameters in braces, as OpenAPI writes it. */
  path: Path;
  summary: string;
  description?: string;
  /** The schemas of the names in the path, for the document. They are not parsed: a malformed id names no row. */
  params: Record<NameInPath<Path>, z.ZodType>;
  query?: Query;
  headers?: Headers;
  body?: Body;
  responses: Declared;
  /** The errors of this endpoint alone. `errorsOf` adds those that follow from its access, body and resources. */
  errors: readonly ErrorCode[];
  access: Rule;
  rateClass: RateClass;
  /** The only resources that the handler gets. Their errors count as errors of the endpoint. */
  uses: readonly Used[];
}

/** A declared endpoint with its handler. Its types no longer depend on each other, so that endpoints fit in one list. */
export interface Endpoint
  extends Omit<
    Declaration<string, z.ZodObject, z.ZodObject, JsonBody | UploadBody | undefined, Responses, AccessRule, never>,
    'uses'
  > {
  uses: readonly (keyof Resources)[];
  handle(
    input: Omit<Input<string, z.ZodObject, z.ZodObject, undefined>, 'body'> & { body: unknown },
    resources: Resources,
  ): Promise<{ status: number; headers?: Record<string, string>; body?: unknown }>;
}

/** An endpoint with its name in the OpenAPI document. */
export interface NamedEndpoint extends Endpoint {
  operationId: string;
}

/**
 * Declares an endpoint; `handle` then adds the function that answers it. The router and the OpenAPI document are made
 * from the declaration alone: see `endpointRouter` and `openApiDocument`.
 */
export function endpoint<
  const Path extends string,
  const Declared extends Responses,
  Rule extends AccessRule,
  Used extends Rule extends 'public' ? Exclude<keyof Resources, 'access'> : keyof Resources,
  Query extends z.ZodObject = EmptyObject,
  Headers extends z.ZodObject = EmptyObject,
  Body extends JsonBody | UploadBody | undefined = undefined,
>(declaration: Declaration<Path, Query, Headers, Body, Declared, Rule, Used>) {
  return {
    handle: (
      handle: (input: Input<Path, Query, Headers, Body>, resources: Pick<Resources, Used>) => Promise<Answer<Declared>>,
    ): Endpoint => ({ ...declaration, handle }) as unknown as Endpoint,
  };
}

/** A JSON body that must be sent. */
export function jsonBody<Schema extends z.ZodType>(schema: Schema): JsonBody<Schema> {
  return { kind: 'json', schema, required: true, maxBytes: 256 * 1024 };
}

/** A JSON body that may be left out. The limit leaves room for ten thousand ids. */
export function optionalJsonBody<Schema extends z.ZodType>(schema: Schema): JsonBody<Schema> {
  return { kind: 'json', schema, required: false, maxBytes: 512 * 1024 };
}
