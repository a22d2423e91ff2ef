// Serves HTTP on the sockets that this process inherits, from file 3 on: one
// for each argument, which is JSON and says how that server behaves.
import http from 'node:http';

const firstInherited = 3;

export function serve(listenerFor) {
  const behaviours = process.argv.slice(2).map((text) => JSON.parse(text));
  let starting = behaviours.length;
  behaviours.forEach((behaviour, i) => {
    http.createServer(listenerFor(behaviour)).listen({ fd: firstInherited + i }, () => {
      starting -= 1;
      if (starting === 0) console.log('ready');
    });
  });
}
