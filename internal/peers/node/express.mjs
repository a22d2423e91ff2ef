// An API on Express, with its own error handler. Each server understands
//
//   env     "development" or "production", as NODE_ENV sets it for all
//   limit   options of express-rate-limit, none without
//
// and answers GET /orders with JSON, any other name with 404.
import express from 'express';
import { rateLimit } from 'express-rate-limit';
import { serve } from './serve.mjs';

serve(({ env = 'production', limit }) => {
  const app = express();
  app.set('env', env);
  if (limit) app.use(rateLimit(limit));
  app.get('/:collection', (request, response, next) => {
    if (request.params.collection !== 'orders') {
      next();
      return;
    }
    response.json({ orders: [{ id: 1, total: 250 }, { id: 2, total: 99 }] });
  });
  return app;
});
