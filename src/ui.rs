//! What is on screen: panels that show a view and return commands; they never change a plan.
