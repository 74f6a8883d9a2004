"""The web page of an app's tasks: `asynq web`, or mounted in an ASGI app: `pip install
'asynq-tasks[web]'`.

    from asynq.web import Web

    page = Web(app)
    api.mount("/tasks", page)

`web` is the page as an ASGI app; `guard` and `access` are who may see it, and do something with it;
`pages`, `actions`, `api` and `live` answer requests; `views` is what they answer, as markup.
"""

from __future__ import annotations

from asynq.web.web import Web as Web
