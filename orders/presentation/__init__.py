"""Orders as people see them: pure view models, made without the database and without Temporal."""

from orders.money import amount, money
from orders.presentation.page import OrderPage, order_page
from orders.presentation.row import OrderRow, row_of

__all__ = ["OrderPage", "OrderRow", "amount", "money", "order_page", "row_of"]
