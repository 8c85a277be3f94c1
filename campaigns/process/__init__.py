"""The long steps of the area's workflows, and their side of the activities. No Django here."""
