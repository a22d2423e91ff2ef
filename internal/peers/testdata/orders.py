"""Serves Flask on the sockets that it inherits, from file 3 on: one for each
argument, which is "debug" or "production".

/orders  answers with JSON
/totals  fails where it reads what is not there
"""

import sys
import threading

try:
    from flask import Flask, jsonify
    from werkzeug.debug import DebuggedApplication
    from werkzeug.serving import make_server
except ImportError:
    print("missing", flush=True)
    sys.exit(1)


def total_of(customers):
    return customers["acme"]["total"]


def make_app():
    app = Flask("orders")

    @app.get("/orders")
    def orders():
        return jsonify(orders=[{"id": 1, "total": 250}, {"id": 2, "total": 99}])

    @app.get("/totals")
    def totals():
        return jsonify(total_of({}))

    return app


for number, mode in enumerate(sys.argv[1:]):
    app = make_app()
    served = app
    if mode == "debug":
        # What "flask run --debug" does, less its reloader.
        app.debug = True
        served = DebuggedApplication(app, evalex=True)
    server = make_server("127.0.0.1", 0, served, threaded=True, fd=3 + number)
    threading.Thread(target=server.serve_forever).start()
print("ready", flush=True)
