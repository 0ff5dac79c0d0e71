interface Issue {
  path: PropertyKey[];
  message: string;
}

/** The environment does not make a usable configuration. The message names each variable and says what is wrong with it. */
export class ConfigError extends Error {
  /** @param issues A message completes a sentence that begins with the name of the variable. */
  constructor(issues: Issue[]) {
    const lines = issues.map(({ path, message }) => `  ${path.join('.')} ${message}.`);
    super(`The configuration is not usable:\n${lines.join('\n')}\nSee .env.example for every variable.`);
    this.name = 'ConfigError';
  }
}
