"""The product's URLs and a view that is only here: the cheapest update, with all that a pressed button goes through."""

from uuid import uuid4

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path
from django.views.decorators.http import require_POST

from dashboard.access import requires
from orders.contract import order_workflow_id
from temporal_worker.client import call, execute_update
from temporal_worker.progress import Progress


@require_POST
@requires("orders.operate_order", hidden_without="orders.view_order")
def noop(request: HttpRequest, order_id: str) -> HttpResponse:
    """An update that is answered at once because its version has long passed; session, CSRF, rights and a fragment."""
    progress = call(
        execute_update(
            order_workflow_id(order_id), "wait_for_progress", 0, update_id=f"bench-{uuid4()}", result_type=Progress
        )
    )
    return render(request, "_badge.html", {"id": "noop", "number": progress.version})


urlpatterns = [path("bench/<str:order_id>/noop/", noop), path("", include("dashboard.urls"))]
