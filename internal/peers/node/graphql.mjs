// A GraphQL API on graphql-http. Each server understands
//
//   auth    "none", "status": who has no token gets 401, or "errors": gets 200
//           and an error in the answer
//   closed  true where nobody may ask for the schema
//   token   that is taken
//
// and answers at /graphql alone.
import { GraphQLError, GraphQLList, GraphQLObjectType, GraphQLSchema, GraphQLString, NoSchemaIntrospectionCustomRule } from 'graphql';
import { createHandler } from 'graphql-http/lib/use/http';
import { serve } from './serve.mjs';

const schemaFor = (auth) => new GraphQLSchema({
  query: new GraphQLObjectType({
    name: 'Query',
    fields: {
      orders: {
        type: new GraphQLList(GraphQLString),
        resolve: (source, args, context) => {
          if (auth === 'errors' && !context.known) {
            throw new GraphQLError('not authenticated', { extensions: { code: 'UNAUTHENTICATED' } });
          }
          return ['250 EUR', '99 EUR'];
        },
      },
    },
  }),
});

serve(({ auth = 'none', closed = false, token }) => {
  const answer = createHandler({
    schema: schemaFor(auth),
    validationRules: closed ? [NoSchemaIntrospectionCustomRule] : [],
    context: (request) => {
      const known = request.headers.authorization === `Bearer ${token}`;
      if (auth === 'status' && !known) {
        return [null, { status: 401, statusText: 'Unauthorized', headers: { 'www-authenticate': 'Bearer' } }];
      }
      return { known };
    },
  });
  return (request, response) => {
    if (request.url.split('?')[0] === '/graphql') {
      answer(request, response);
      return;
    }
    response.writeHead(404).end();
  };
});
