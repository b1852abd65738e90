'''@hpo.variable(hpo.choice(
    {"_name": "conv", "size": hpo.choice(1, 3, 5), "pad": "same"},
    {"_name": "pool", "size": hpo.randint(2, 4), "kind": hpo.choice("max", "mean")},
    {"_name": "none"}), name=layer0)'''
layer0 = {"_name": "pool", "size": 2, "kind": "max"}
print(sorted(layer0.items()))
