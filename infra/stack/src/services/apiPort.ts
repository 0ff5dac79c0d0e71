import { type StackContext, StackError } from '../context';
import { choosePort, isPortFree } from '../processes/ports';

const defaultPort = 3000;

/**
 * The API's port: API_PORT, which must be free if the user set it, else 3000 or, when that is taken, another.
 */
export async function chooseApiPort(context: StackContext): Promise<number> {
  const given = context.environment.API_PORT;
  const host = context.environment.API_HOST || '127.0.0.1';
  if (given) {
    const port = Number(given);
    if (Number.isInteger(port) && port > 0 && port < 65_536 && !(await isPortFree(port, host))) {
      throw new StackError(
        `API_PORT is ${port}, which another program uses on ${host}. Stop that program, set another API_PORT, ` +
          'or remove it to have a free one chosen.',
      );
    }
    return port;
  }
  if (await isPortFree(defaultPort, host)) {
    return defaultPort;
  }
  const port = await choosePort();
  context.say(`Port ${defaultPort} is taken by another program; the API uses ${port}.`);
  return port;
}
