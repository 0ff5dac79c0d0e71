import { type EmbeddingModel, modelOf } from '@millrace/contracts';
import { findProviderModule, type ProviderConfig } from '@millrace/embeddings';
import type { z } from 'zod';
import { defaultDimensions, type EmbeddingVariables, nextPrefix } from './variables/embedding';

/** A model and the name of the provider that makes its vectors. */
export interface ProvidedModel extends EmbeddingModel {
  provider: string;
  /** The most tokens of a text. */
  maxTokens: number;
}

export interface ProvidedModels<Model extends ProvidedModel = ProvidedModel> {
  embedding: Model;
  /** The next model, from the variables with NEXT_. Null when they name none. */
  nextEmbedding: Model | null;
}

/** The variables that name the models. */
export const modelVariables = {
  EMBEDDING_PROVIDER: true,
  EMBEDDING_MODEL: true,
  EMBEDDING_DIMENSIONS: true,
  EMBEDDING_QUERY_PREFIX: true,
  EMBEDDING_DOCUMENT_PREFIX: true,
  EMBEDDING_CONTEXT: true,
  EMBEDDING_MAX_TOKENS: true,
  NEXT_EMBEDDING_PROVIDER: true,
  NEXT_EMBEDDING_MODEL: true,
  NEXT_EMBEDDING_DIMENSIONS: true,
  NEXT_EMBEDDING_QUERY_PREFIX: true,
  NEXT_EMBEDDING_DOCUMENT_PREFIX: true,
  NEXT_EMBEDDING_CONTEXT: true,
  NEXT_EMBEDDING_MAX_TOKENS: true,
} as const;
export type ModelVariables = Pick<EmbeddingVariables, keyof typeof modelVariables>;

/** Completes the models with the defaults of their providers, and adds an issue when a provider does not have the model. */
export function readModels(env: ModelVariables, context: z.RefinementCtx): ProvidedModels {
  const { EMBEDDING_PROVIDER: provider } = env;
  const module = findProviderModule(provider);
  const model = env.EMBEDDING_MODEL ?? module.defaultModel;
  const defaults = module.defaultsOf(model);
  const embedding = {
    provider,
    model,
    dimensions: env.EMBEDDING_DIMENSIONS,
    queryPrefix: env.EMBEDDING_QUERY_PREFIX ?? defaults.queryPrefix,
    documentPrefix: env.EMBEDDING_DOCUMENT_PREFIX ?? defaults.documentPrefix,
    context: env.EMBEDDING_CONTEXT,
    maxTokens: env.EMBEDDING_MAX_TOKENS ?? defaults.maxTokens,
  };
  const nextEmbedding = nextModel(env, embedding);
  checkModel(embedding, '', context);
  if (nextEmbedding !== null) {
    checkModel(nextEmbedding, nextPrefix, context);
  }
  return { embedding, nextEmbedding };
}

function nextModel(env: ModelVariables, current: ProvidedModel): ProvidedModel | null {
  const given = {
    provider: env.NEXT_EMBEDDING_PROVIDER,
    model: env.NEXT_EMBEDDING_MODEL,
    dimensions: env.NEXT_EMBEDDING_DIMENSIONS,
    queryPrefix: env.NEXT_EMBEDDING_QUERY_PREFIX,
    documentPrefix: env.NEXT_EMBEDDING_DOCUMENT_PREFIX,
    context: env.NEXT_EMBEDDING_CONTEXT,
    maxTokens: env.NEXT_EMBEDDING_MAX_TOKENS,
  };
  if (Object.values(given).every((value) => value === undefined)) {
    return null;
  }
  // A variable that is not set keeps the current value, unless that belongs to another provider or model.
  const provider = given.provider ?? current.provider;
  const isSameProvider = provider === current.provider;
  const module = findProviderModule(provider);
  const model = given.model ?? (isSameProvider ? current.model : module.defaultModel);
  const kept = isSameProvider && model === current.model ? current : module.defaultsOf(model);
  return {
    provider,
    model,
    dimensions: given.dimensions ?? (isSameProvider ? current.dimensions : defaultDimensions),
    queryPrefix: given.queryPrefix ?? kept.queryPrefix,
    documentPrefix: given.documentPrefix ?? kept.documentPrefix,
    context: given.context ?? current.context,
    maxTokens: given.maxTokens ?? kept.maxTokens,
  };
}

function checkModel(model: ProvidedModel, prefix: string, context: z.RefinementCtx): void {
  for (const { variable, message } of findProviderModule(model.provider).checkModel?.(model) ?? []) {
    context.addIssue({ code: 'custom', path: [prefix + variable], message });
  }
}

type CommonVariables = Pick<EmbeddingVariables, 'EMBEDDING_BATCH_SIZE' | 'EMBEDDING_TIMEOUT_MS'> & {
  STATE_DIR: string;
};

/** Reads the models and the settings of their providers, and adds an issue for each setting that is wrong. */
export function readProviders(
  env: ModelVariables & CommonVariables,
  context: z.RefinementCtx,
): ProvidedModels<ProviderConfig> {
  const { embedding, nextEmbedding } = readModels(env, context);
  const common = { batchSize: env.EMBEDDING_BATCH_SIZE, timeoutMs: env.EMBEDDING_TIMEOUT_MS, stateDir: env.STATE_DIR };
  const settings = settingsOf(embedding.provider, '', env);
  checkSettings(embedding.provider, settings, '', context);
  if (nextEmbedding === null) {
    return { embedding: { ...embedding, ...common, settings }, nextEmbedding };
  }
  const nextSettings = inheritedSettings(nextEmbedding.provider, env);
  checkSettings(nextEmbedding.provider, nextSettings, nextPrefix, context);
  return {
    embedding: { ...embedding, ...common, settings },
    nextEmbedding: { ...nextEmbedding, ...common, settings: nextSettings },
  };
}

type Settings = Record<string, unknown>;

/** Returns the values of a provider's own variables, by their names without the prefix. */
function settingsOf(provider: string, prefix: string, env: object): Settings {
  const values = new Map<string, unknown>(Object.entries(env));
  const names = Object.keys(findProviderModule(provider).variables);
  return Object.fromEntries(names.map((name) => [name, values.get(prefix + name)]));
}

function inheritedSettings(provider: string, env: object): Settings {
  const current = settingsOf(provider, '', env);
  const next = settingsOf(provider, nextPrefix, env);
  const { inheritSettings } = findProviderModule(provider);
  if (inheritSettings) {
    return inheritSettings(next, current);
  }
  return Object.fromEntries(Object.keys(current).map((name) => [name, next[name] ?? current[name]]));
}

function checkSettings(provider: string, settings: Settings, prefix: string, context: z.RefinementCtx): void {
  for (const { variable, message } of findProviderModule(provider).checkSettings?.(settings, prefix) ?? []) {
    context.addIssue({ code: 'custom', path: [prefix + variable], message });
  }
}

/** Returns the models that the services can embed with: the current one, then the next one if it is configured. */
export function configuredModels({ embedding, nextEmbedding }: ProvidedModels): [EmbeddingModel, ...EmbeddingModel[]] {
  return [modelOf(embedding), ...(nextEmbedding === null ? [] : [modelOf(nextEmbedding)])];
}
