import { Parser } from 'htmlparser2';
import { MathElement } from './mathElement';

/** Reads MathML that a page holds as text, in an attribute or a script. */
export function readMathMl(source: string): string {
  const math = new MathElement();
  const parser = new Parser(
    {
      onopentag: (name, attributes) => math.openElement(name, attributes),
      ontext: (text) => math.add(text),
      onclosetag: () => math.closeElement(),
    },
    { xmlMode: true },
  );
  parser.end(source);
  return math.end();
}
