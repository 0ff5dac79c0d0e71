import { ShallowParser } from '../shallowParser';
import { MathElement } from './mathElement';

/** Reads MathML that a page holds as text, in an attribute or a script. */
export function readMathMl(source: string): string {
  const math = new MathElement();
  const parser: ShallowParser = new ShallowParser(
    {
      onopentag: (name, attributes) => {
        parser.enter();
        math.openElement(name, attributes);
      },
      ontext: (text) => math.add(text),
      onclosetag: () => {
        parser.leave();
        math.closeElement();
      },
    },
    { xmlMode: true },
  );
  parser.end(source);
  return math.end();
}
