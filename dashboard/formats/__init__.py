"""How dates are written where no script puts them into the viewer's zone: in the admin site. Django looks here for them."""
