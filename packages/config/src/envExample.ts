import { variableGroups } from './variables';

const lineWidth = 120;

const introduction = `# Copy to .env and remove the # of a line to change it. The environment wins over this file.
# Times are milliseconds, sizes are bytes. An empty value counts as not set.
# Made from the descriptions in packages/config/src/variables by: node packages/config/dist/writeEnvExample.js
`;

/** Returns the text of .env.example: every variable with its description, and with its default or an example. */
export function envExample(): string {
  const groups = variableGroups.map(({ title, introduction: text, variables }) => {
    const lines = Object.entries(variables).flatMap(([name, schema]) => {
      const { description, example } = schema.meta() ?? {};
      const value = example ?? schema.safeParse(undefined).data ?? '';
      return [...comment(description), `#${name}=${value}`];
    });
    const heading = `# --- ${title} `.padEnd(lineWidth, '-');
    return [heading, ...(text ? [...comment(text), ''] : []), ...lines].join('\n');
  });
  return `${introduction}\n${groups.join('\n\n')}\n`;
}

/** Returns a text as lines of comment, broken between words. */
function comment(text: string | undefined): string[] {
  const lines: string[] = [];
  for (const paragraph of text?.split('\n') ?? []) {
    let line = '#';
    for (const word of paragraph.split(' ')) {
      if (line.length + 1 + word.length > lineWidth) {
        lines.push(line);
        line = '#';
      }
      line += ` ${word}`;
    }
    lines.push(line);
  }
  return lines;
}
