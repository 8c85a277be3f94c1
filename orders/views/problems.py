"""Who acts, and what an order's problems are as answers."""

from django.http import HttpRequest

from dashboard import problem_answers
from orders import gateway
from orders.contract import By, Door


def by_of(request: HttpRequest) -> By:
    """Who acts, and that it was in the browser."""
    return By(request.user.get_username(), Door.WEB)


def status_of_problem(problem: gateway.OrderProblem) -> int:
    """A declined card is shown in the form like a wrong field: the order waits for another one."""
    return 422 if isinstance(problem, gateway.CardDeclined) else problem_answers.status_of_problem(problem)
