"""Orders as people see them: pure view models, made without the database and without Temporal."""

from orders.presentation.page import OrderPage, order_page
from orders.presentation.row import OrderRow, row_of
from temporal_worker.money import amount, money

__all__ = ["OrderPage", "OrderRow", "amount", "money", "order_page", "row_of"]
