def conv(inputs, size=1):
    return ["conv", size, inputs]


def pool(inputs):
    return ["pool", inputs]


x = "x"
y = ((conv([[], [x]], size=1)) if __import__("hpo").trial.picked("y.layer_choice", "conv(size=1)") else (conv([[], [x]], size=3)) if __import__("hpo").trial.picked("y.layer_choice", "conv(size=3)") else (pool([[], [x]])) if __import__("hpo").trial.picked("y.layer_choice", "pool()") else __import__("hpo").trial.own("y.layer_choice", conv([[], [x]], size=1))); out = ((pool([[x], (([]) if __import__("hpo").trial.picked("out.optional_inputs", "[]") else ([x]) if __import__("hpo").trial.picked("out.optional_inputs", "[x]") else ([y]) if __import__("hpo").trial.picked("out.optional_inputs", "[y]") else __import__("hpo").trial.own("out.optional_inputs", []))])) if __import__("hpo").trial.picked("out.layer_choice", "pool()") else (conv([[x], (([]) if __import__("hpo").trial.picked("out.optional_inputs", "[]") else ([x]) if __import__("hpo").trial.picked("out.optional_inputs", "[x]") else ([y]) if __import__("hpo").trial.picked("out.optional_inputs", "[y]") else __import__("hpo").trial.own("out.optional_inputs", []))])) if __import__("hpo").trial.picked("out.layer_choice", "conv()") else __import__("hpo").trial.own("out.layer_choice", pool([[x], (([]) if __import__("hpo").trial.picked("out.optional_inputs", "[]") else ([x]) if __import__("hpo").trial.picked("out.optional_inputs", "[x]") else ([y]) if __import__("hpo").trial.picked("out.optional_inputs", "[y]") else __import__("hpo").trial.own("out.optional_inputs", []))]))












)
print("y" in globals() and (y, out))
