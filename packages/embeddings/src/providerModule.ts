import type { EmbeddingModel } from '@millrace/contracts';
import type { z } from 'zod';
import type { RawEmbeddingProvider } from './provider';

type VariableTypes = Record<string, z.ZodType>;
type SettingsOf<Variables extends VariableTypes> = z.infer<z.ZodObject<Variables>>;

/** A provider as it is configured: for the current model, or for the next one. */
export interface ProviderConfig<Settings = Record<string, unknown>> extends EmbeddingModel {
  /** The name of its module. */
  provider: string;
  /** The most tokens of a text. */
  maxTokens: number;
  /** The most texts in one request. */
  batchSize: number;
  /** Milliseconds until a request counts as failed. */
  timeoutMs: number;
  /** The folder in which a provider may keep files. */
  stateDir: string;
  /** The values of the module's own variables. */
  settings: Settings;
}

/** How a model is used unless the environment says otherwise. */
export interface ModelDefaults {
  queryPrefix: string;
  documentPrefix: string;
  /** The most tokens of a text. */
  maxTokens: number;
}

/** A variable that is wrong. The message completes a sentence that begins with its name: "must be 768". */
export interface VariableProblem {
  /** Without NEXT_. */
  variable: string;
  message: string;
}

/**
 * Everything that is particular to one provider. To add a provider, write such a module and add it to the list in
 * providers/list.ts. Every service loads all modules to read its configuration, so a module loads a large
 * library only in `create`.
 */
export interface ProviderModule<Variables extends VariableTypes = VariableTypes> {
  /** The value of EMBEDDING_PROVIDER. */
  name: string;
  /** One line for .env.example. */
  description: string;
  /** The model that is used when EMBEDDING_MODEL is not set. */
  defaultModel: string;
  /** True when texts are embedded in the calling process. */
  inProcess: boolean;
  /** Its own environment variables. After NEXT_, the same names set up the provider of the next model. */
  variables: Variables;
  /** Finds what is wrong with a model. Everything is right when left out. */
  checkModel?(model: Pick<EmbeddingModel, 'model' | 'dimensions'>): VariableProblem[];
  /** How a model is used. */
  defaultsOf(model: string): ModelDefaults;
  /** Finds what is wrong with the settings. `prefix` is NEXT_ or empty, for messages that name further variables. */
  checkSettings?(settings: SettingsOf<Variables>, prefix: string): VariableProblem[];
  /** Completes the settings of the next model with the current ones. When left out, `next` wins where it is set. */
  inheritSettings?(next: SettingsOf<Variables>, current: SettingsOf<Variables>): SettingsOf<Variables>;
  /**
   * Makes the provider ready for use.
   * @throws MillraceError SETUP_INVALID when something that it needs is missing.
   */
  create(config: ProviderConfig<SettingsOf<Variables>>): Promise<RawEmbeddingProvider>;
}

/** Returns the module as it is, with its settings typed by its variables. */
export function defineProvider<Variables extends VariableTypes>(module: ProviderModule<Variables>): ProviderModule {
  return module;
}
